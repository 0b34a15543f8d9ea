# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-alone program in C, for gcc on Linux: the calls of the program, and what these need."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from conformance.domains.base import Domain, Slot
from conformance.domains.compound import ListOf
from conformance.domains.data import Payload
from conformance.domains.names import SocketAddress
from conformance.domains.numbers import Enumeration, Flags, Octal, OnlyThese
from conformance.observation import SIGNAL_NAMES
from conformance.ops import spec_of
from conformance.payload import Pattern
from conformance.reproducers.blocks import c_blocks, c_words, needed
from conformance.reproducers.case import Case, Step, check_callable
from conformance.reproducers.expectation import SLEEPS, Item, OfLength, Range, Row, read_expected
from conformance.reproducers.numbers import numbers_among
from conformance.vocabulary.spec import REQUIRED
from conformance.vocabulary.structures import FLOCK, TERMIOS, WINSIZE
from reference.constants.signals import SIG_CATCH, SIG_IGN
from reference.linux.profile import Profile
from reference.syscalls import AUTOMATIC_NAME

_SIGNALS = frozenset(SIGNAL_NAMES.values())
_HEADERS = (
    *("dirent", "errno", "fcntl", "ftw", "grp", "limits", "poll", "sched", "signal", "stdio", "stdlib", "string"),
    *("sys/epoll", "sys/file", "sys/ioctl", "sys/mman", "sys/prctl", "sys/resource", "sys/sendfile", "sys/socket"),
    *("sys/stat", "sys/sysmacros", "sys/uio", "sys/vfs", "sys/wait", "sys/xattr", "termios", "time", "unistd"),
    *("linux/fs", "linux/sockios"),
)
_LARGEST = 2**63

_FOOT = """\
int main(void)
{
    return run(program);
}
"""


def c_text(case: Case) -> str:
    """The program. It exits 1 where the divergence is present, 0 where it is not, and 4 when it did not end."""
    return c_file([case], _comment(case), _FOOT)


def c_programs_text(cases: Sequence[Case]) -> str:
    """Many programs as one file; the argument of the program that it makes says which one is run."""
    table = ", ".join(f"program_{number}" for number in range(len(cases)))
    foot = f"""\
int main(int count, char **arguments)
{{
    static void (*const programs[])(void) = {{{table}}};
    return run(programs[atoi(arguments[1])]);
}}
"""
    return c_file(cases, "", foot)


def c_file(cases: Sequence[Case], head: str, foot: str) -> str:
    """Programs with the definitions that they need."""
    for case in cases:
        check_callable(case)
    named = len(cases) > 1
    bodies = "\n".join(_program(case, f"program_{number}" if named else "program") for number, case in enumerate(cases))
    words = c_words(bodies)
    blocks = needed(c_blocks(), words | {"run"})
    code = "\n\n".join(block.text for block in blocks)
    used = words.union(*(block.words for block in blocks))
    return "\n".join(
        (
            f"{head}#define _GNU_SOURCE",
            *(f"#include <{name}.h>" for name in _HEADERS),
            "",
            _constants(words, used, cases[0]),
            f"{code}\n",
            bodies,
            foot,
        )
    )


def _comment(case: Case) -> str:
    lines = [case.title]
    if case.actual:
        lines += [f"Expected: {case.steps[-1].expected}", f"Observed: {case.actual}"]
    lines += [f"{name}: {value}" for name, value in case.environment.items()]
    lines += ["Exits 1 where the divergence is present, 0 where it is not.", "Build: gcc -O0 -w reproducer.c"]
    return "/* " + "\n   ".join(line.replace("*/", "* /") for line in lines) + " */\n"


def _constants(words: Collection[str], used: Collection[str], case: Case) -> str:
    """Constants by their numbers: the headers of the machine may be older, or give other values (O_LARGEFILE)."""
    uid, gid = case.owner
    lines = [f"#define UID {uid}", f"#define GID {gid}"]
    lines += [
        f"#define FILE_SIZE_BYTES_MAX {Profile().file_size_bytes_max}L",
        f"#define DESCRIPTORS_MAX {Profile().descriptors_max}",
        f"#define AUTOMATIC_NAME {_string(AUTOMATIC_NAME.encode())}",
        f"#define AUTOMATIC_NAME_BYTES {len(AUTOMATIC_NAME)}",
        f"#define CATCHES {SIG_CATCH}",
        f"#define IGNORES {SIG_IGN}",
    ]
    for name, text in numbers_among(used):
        if name in _SIGNALS or name.startswith("SIG_"):
            continue
        if name in words or name.startswith(("TC", "TIOC")):
            lines += [f"#undef {name}", f"#define {name} {text}"]
    return "\n".join(lines) + "\n"


# The program ----------------------------------------------------------------------------------


def _program(case: Case, name: str) -> str:
    slots = sorted({slot for step in case.steps for slot in step.op.out})
    declared = [f"    int {', '.join(f'{slot} = NEVER_OPENED' for slot in slots)};", ""] if slots else []
    settles = [
        *(["settle_terminals();"] if "posix_openpt" in case.calls else ()),
        *(["settle_rings();"] if "sendmsg" in case.calls else ()),
    ]
    lines = [line for step in case.steps for line in _step(step, settles)]
    return "\n".join([f"static void {name}(void)", "{", *declared, *lines, "}", ""])


def _step(step: Step, settles: list[str]) -> list[str]:
    lines = [
        f"step({_string(step.text.encode())});",
        f"{_call(step)};",
        *settles,
        "settled();",
        f"check({_condition(step.expected)}, {_string(step.expected.encode())});",
    ]
    taken = "passed" if step.op.call == "recvmsg" else "made"
    lines += [f"{slot} = {taken}({place});" for place, slot in enumerate(step.op.out)]
    return [f"    {line}" for line in lines]


_VARIANTS: dict[tuple[str, Domain], str] = {("fcntl", FLOCK): "fcntl_lock", ("ioctl", WINSIZE): "ioctl_window"}


def _call(step: Step) -> str:
    op, spec = step.op, spec_of(step.op)
    given = [(p.domain, value) for p, value in zip(spec.parameters, op.arguments, strict=True) if p.usual is REQUIRED]
    name = next((_VARIANTS[op.call, d] for d, _ in given if (op.call, d) in _VARIANTS), op.call)
    arguments = [_argument(domain, value) for domain, value in given]
    if name in ("fcntl", "ioctl") and len(arguments) == 2:
        arguments.append("0")
    return f"op_{name}({', '.join(arguments)})"


def _argument(domain: Domain, value: Any) -> str:
    if isinstance(value, Slot):
        return str(value)
    if domain is TERMIOS:
        return f"{_longs(value[:4])}, {_data(value[4])}"
    if domain in (FLOCK, WINSIZE):
        return _longs(value)
    if isinstance(domain, ListOf):
        return _list(domain.item, value)
    if isinstance(domain, SocketAddress):
        return "NO_ADDRESS" if value is None else _data(value.encode(errors="surrogateescape"))
    if isinstance(domain, Payload):
        return _data(value)
    if isinstance(value, str):
        return _string(value.encode(errors="surrogateescape"))
    return _number(domain, value)


def _list(item: Domain, value: Sequence[Any]) -> str:
    if isinstance(item, Payload):
        return f"DATAS({', '.join(map(_data, value))})" if value else "NO_DATAS"
    parts = [part for member in value for part in (member if isinstance(member, tuple) else (member,))]
    return _longs(parts)


def _longs(values: Sequence[Any]) -> str:
    parts = [str(value) if isinstance(value, Slot) else _integer(value) for value in values]
    return f"LONGS({', '.join(parts)})" if parts else "NO_LONGS"


def _data(value: Pattern | bytes) -> str:
    if isinstance(value, Pattern):
        return f"PATTERN({value.length}, {value.seed})"
    return f"BYTES({_string(value)}, {len(value)})"


def _number(domain: Domain, value: int) -> str:
    if isinstance(domain, Octal) and value >= 0:
        return f"0{value:o}" if value else "0"
    if isinstance(domain, Flags | Enumeration) and not isinstance(domain, OnlyThese) and value >= 0:
        text = domain.text(value)
        if "**" not in text:
            return text
    return _integer(value)


def _integer(value: int) -> str:
    if value == -_LARGEST:
        return "LLONG_MIN"
    if value >= 2 * _LARGEST:
        high, low = divmod(value, 10**9)
        return f"((__int128){high}LL * 1000000000 + {low})"
    if value >= _LARGEST:
        return f"{value}ULL"
    return f"{value}LL" if abs(value) >= 2**31 else str(value)


def _string(data: bytes) -> str:
    """A string literal. Octal escapes have three digits, so that none runs on into what follows."""
    text = "".join(chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in data)
    return f'"{text}"'


# What is expected -----------------------------------------------------------------------------


def _condition(text: str) -> str:
    expected = read_expected(text)
    mask = " | ".join(f"1UL << {name}" for name in expected.signals) or "0"
    if expected.error:
        return f"slept({mask})" if expected.error == SLEEPS else f"failed_with({mask}, {expected.error})"
    return " || ".join(_gave(mask, row) for row in expected.rows)


def _gave(mask: str, row: Row) -> str:
    items = ", ".join(map(_item, row))
    return f"gave({mask}, {len(row)}, (struct item[]){{{items}}})"


def _item(item: Item) -> str:
    if isinstance(item, bytes):
        return f"STRING({_string(item)}, {len(item)})"
    if isinstance(item, Range):
        return f"BETWEEN({_integer(item.low)}, {_integer(item.high)})"
    if isinstance(item, OfLength):
        return f"ANY_BYTES({item.length})"
    if item is None:
        return "NUMBER(NOTHING)"
    if isinstance(item, str):
        return f"NUMBER({item})"
    return f"NUMBER({_integer(item)})" if isinstance(item, int) else "ANYTHING"
