# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-alone script in Python: the standard library, the calls of the program, and what these need."""

from __future__ import annotations

import re

from conformance.reproducers.blocks import needed, python_blocks, python_words
from conformance.reproducers.case import Case, Step, check_callable
from conformance.reproducers.expectation import SLEEPS, is_error, split_signals
from conformance.reproducers.numbers import numbers_among
from reference.linux.profile import Profile
from reference.syscalls import AUTOMATIC_NAME

_WORD = re.compile(r"[A-Za-z_]\w*")
_MODULES = tuple("contextlib ctypes errno functools io os re shutil signal struct sys tempfile time traceback".split())
_RENAMED = ("fcntl", "mmap", "resource", "select", "socket", "stat")
"""Modules that bear the name of a call."""
NEVER_OPENED = 1000
"""Stands for a slot whose call failed: no program is handed this number."""
_OWN = {
    "NEVER_OPENED": NEVER_OPENED,
    "SCRATCH_BYTES": 2**22,
    "DESK_BYTES": 2**24,
    "AUTOMATIC_NAME": AUTOMATIC_NAME,
    "FILE_SIZE_BYTES_MAX": Profile().file_size_bytes_max,
    "DESCRIPTORS_MAX": Profile().descriptors_max,
    "MAP_PRIVATE_ANONYMOUS_NORESERVE_AT": 0x104022,
    "MAP_SHARED_ANONYMOUS": 0x21,
    "MAP_RESERVE": 0x4032,
    "MAP_FIXED": 0x10,
    "SCM_RIGHTS": 1,
}
"""Names of the template that are no constants of the vocabulary."""


def python_text(case: Case) -> str:
    """The script. It exits 1 where the divergence is present, 0 where it is not, and 4 when it did not end."""
    return python_texts(case)[0]


def pytest_text(case: Case) -> str:
    """The script as a module with one test function, which fails where the divergence is present."""
    return python_texts(case)[1]


def python_texts(case: Case) -> tuple[str, str]:
    """Script and module, for less than twice the work: they only end differently."""
    body = _body(case)
    return (
        f'{body}if __name__ == "__main__":\n    sys.exit(main())\n',
        f'{body}def {test_name(case)}():\n    """{_quoted(case.title)}"""\n    assert main() == 0\n',
    )


def test_name(case: Case) -> str:
    """The name of the test function."""
    words = _WORD.findall(case.title.partition(":")[0].replace(".", " "))
    return "_".join(["test", *words, *_WORD.findall(case.bucket.replace("-", "_"))]).lower()


def _body(case: Case) -> str:
    check_callable(case)
    body = _program(case)
    words = python_words(body) | {"main", "NEVER_OPENED"}
    settles = [
        *(["settle_terminals"] if "posix_openpt" in case.calls else ()),
        *(["settle_rings"] if "sendmsg" in case.calls else ()),
    ]
    blocks = needed(python_blocks(), {*words, *settles})
    code = "\n\n\n".join(block.text for block in blocks)
    words = words.union(*(block.words for block in blocks))
    setting = f"\n\nstate.settle = [{', '.join(settles)}]\n" if settles else "\n"
    return "\n".join(
        (
            f'"""{_quoted(_head(case))}"""\n',
            _imports(words),
            _constants(words, case),
            f"\n{code}\n{setting}",
            f"{body}\n",
            "",
        )
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', "'''")
    return escaped[:-1] + '\\"' if escaped.endswith('"') else escaped


def _head(case: Case) -> str:
    lines = [case.title, ""]
    if case.actual:
        lines += [f"Expected: {case.steps[-1].expected}", f"Observed: {case.actual}"]
    lines += [f"{name}: {value}" for name, value in case.environment.items()]
    lines += ["", "Exits 1 where the divergence is present, 0 where it is not. Python 3.8 or later, x86-64 Linux."]
    return "\n".join(lines) + "\n"


def _imports(words: frozenset[str]) -> str:
    plain = [f"import {name}" for name in _MODULES if name in words]
    return "\n".join([*plain, *(f"import {name} as {name}_module" for name in _RENAMED if f"{name}_module" in words)])


def _constants(words: frozenset[str], case: Case) -> str:
    uid, gid = case.owner
    own = {**_OWN, "UID": uid, "GID": gid}
    values = dict(numbers_among(words)) | {name: repr(own[name]) for name in own.keys() & words}
    return "\n" + "\n".join(f"{name} = {values[name]}" for name in sorted(values))


def _program(case: Case) -> str:
    return "\n".join(["def program():", *(f"    {_step(step)}" for step in case.steps)]) + "\n"


def _step(step: Step) -> str:
    text = step.text
    call = text.partition(" = ")[2] if step.op.out else text
    made = f"{', '.join(step.op.out)} = " if step.op.out else ""
    makes = f", makes={len(step.op.out)}" if step.op.out else ""
    return f"{made}step({text!r}, lambda: {call}, {_expected(step.expected)}{makes})"


def _expected(text: str) -> str:
    outcome, signals = split_signals(text)
    value = outcome if outcome == SLEEPS else f"error({outcome})" if is_error(outcome) else outcome
    return f"signalled({', '.join((value, *signals))})" if signals else value
