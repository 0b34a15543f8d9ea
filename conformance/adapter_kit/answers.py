# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Small programs with known answers: where an adapter gives another one, it is most likely the adapter that errs.

They are about what lies between a program and a system: names, fresh starts, data, numbers, signals, limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from conformance.adapter_kit.checks import Check, Outcome, failed
from conformance.errors import SystemFailed
from conformance.grammar import observation_text, op_text, read_trace
from conformance.observation import Observation
from conformance.ops import Op
from conformance.subjects import fitted
from conformance.systems.process import ProcessSystem

PART = "known answers"
Excuse = Callable[[tuple[Op, ...], Sequence[Observation]], str]
"""Why what a system gave for a program is no fault of its adapter; empty when nobody knows of a reason."""


@dataclass(frozen=True, slots=True)
class Known:
    """A program with what each op gives, what it is about, and what to look at when that is not what came.

    ``fact`` names what it takes for granted: it is not asked of an adapter that tells something else in its hello.
    """

    about: str
    trace: str
    mend: str
    fact: str = ""


KNOWN = (
    Known(
        "the first descriptor is 3, and each is the lowest that is free",
        "r0, r1 = pipe2(O_NONBLOCK) == (3, 4)\nclose(r0) == 0\nr2 = dup(r1) == 3\nclose(r2) == 0",
        "start each program with nothing open but 0 to 2, and tell the numbers as your system hands them out",
    ),
    Known(
        "a program begins with no descriptor of the one before",
        "r0, r1 = pipe2(0) == (3, 4)\nr2 = dup(r0) == 5",
        "close all descriptors from 3 on between programs",
    ),
    Known(
        "a name stands for what its op gave last",
        "r0, r1 = pipe2(0) == (3, 4)\nclose(r0) == 0\nclose(r0) == EBADF\nclose(r1) == 0",
        "keep a table of names for each program, and pass on what each stands for, closed or not",
    ),
    Known(
        "a name that was never made stands for a descriptor that is not open",
        "r0, r1 = pipe2(0) == (3, 4)\nclose(r0) == 0\nr2 = dup(r0) == EBADF\nclose(r2) == EBADF\nclose(r1) == 0",
        "let a name stand for 1000 when the call that should have made it failed, and give EBADF for it",
    ),
    Known(
        "each program has an empty directory of its own",
        'r0 = open("f", O_RDWR | O_CREAT | O_EXCL, 0o600) == 3\nclose(r0) == 0\n'
        'r1 = open("f", O_RDONLY, 0) == 3\nr2 = open("g", O_RDONLY, 0) == ENOENT',
        "run each program in a new directory below FDCONFORM_DIRECTORY",
    ),
    Known(
        "the directory of the program before is gone",
        'r0 = open("f", O_RDWR | O_CREAT | O_EXCL, 0o600) == 3',
        "run each program in a new directory below FDCONFORM_DIRECTORY",
    ),
    Known(
        "data passes as it is, whichever bytes",
        "r0, r1 = pipe2(O_NONBLOCK) == (3, 4)\n"
        'write(r1, b"\\x00\\xff\\n\\"\\\\") == 5\nread(r0, 10) == b"\\x00\\xff\\n\\"\\\\"',
        'decode {"base64": …} of arguments, and tell data in the same form: padded, without line feeds',
    ),
    Known(
        "a pattern is made, and told as data",
        "r0, r1 = pipe2(O_NONBLOCK) == (3, 4)\nwrite(r1, pattern(300, seed=250)) == 300\n"
        "read(r0, 400) == pattern(300, seed=250)",
        'byte i of {"pattern": [length, seed]} is (seed + i) mod 251',
    ),
    Known(
        "no data is data, too",
        "r0, r1 = pipe2(O_NONBLOCK) == (3, 4)\n"
        'write(r1, b"") == 0\nread(r0, 0) == b""\nclose(r1) == 0\nread(r0, 10) == b""',
        'tell the end of a file as {"value": {"base64": ""}}',
    ),
    Known(
        "much data comes whole",
        "r0, r1 = pipe2(O_NONBLOCK) == (3, 4)\nwrite(r1, pattern(65536, seed=1)) == 65536\n"
        "read(r0, 65536) == pattern(65536, seed=1)",
        "read lines to their end, however long, and pass all of the data in one call",
    ),
    Known(
        "flags arrive as numbers of Linux",
        "r0, r1 = pipe2(O_NONBLOCK) == (3, 4)\nread(r0, 1) == EAGAIN",
        "arguments and errors are Linux's numbers for x86-64: translate them where your system has others",
    ),
    Known(
        "a negative number stays one",
        "r0, r1 = pipe2(0) == (3, 4)\nr2 = dup2(r0, -1) == EBADF\nr3 = dup2(r0, 2**31 - 1) == EBADF",
        "read numbers as signed, and pass on even those that make no sense",
    ),
    Known(
        "a number may be beyond 32 bits",
        'r0 = open("f", O_RDWR | O_CREAT, 0o600) == 3\nlseek(r0, 2**40 + 1, SEEK_SET) == 2**40 + 1',
        "read numbers, and tell them, as whole numbers of 64 bits, never as floating-point",
    ),
    Known(
        "a signal is told beside the outcome",
        'r0, r1 = pipe2(O_NONBLOCK) == (3, 4)\nclose(r0) == 0\nwrite(r1, b"x") == EPIPE & SIGPIPE',
        'add "signals": [13] to the observation; it does not replace the errno',
    ),
    Known(
        "the limit on descriptors is the caller's",
        "r0, r1 = pipe2(0) == (3, 4)\nr2 = dup2(r0, 255) == 255\nr3 = dup2(r0, 256) == EBADF",
        "set RLIMIT_NOFILE to descriptors_max of the message's caller",
    ),
    Known(
        "the limit on the size of files is the caller's",
        'r0 = open("f", O_RDWR | O_CREAT, 0o600) == 3\nftruncate(r0, 2097152) == 0\n'
        "ftruncate(r0, 2097153) == EFBIG & SIGXFSZ",
        "set RLIMIT_FSIZE to file_size_bytes_max of the message's caller",
        fact="file_size_bytes_max",
    ),
    Known(
        "a call that sleeps with nobody to wake it is told, and the program goes on",
        'r0, r1 = pipe2(0) == (3, 4)\nread(r0, 1) == BLOCKED\nwrite(r1, b"x") == 1',
        'tell {"blocked": true} and interrupt the call, or {"unsupported": "…"} if your system cannot',
    ),
)


def answers(system: ProcessSystem, excuse: Excuse) -> Iterator[Check]:
    """Each program with a known answer, in the order in which one may spoil the next."""
    for known in KNOWN:
        yield _asked(system, known, excuse)


def _asked(system: ProcessSystem, known: Known, excuse: Excuse) -> Check:
    trace = read_trace(f"{known.trace}\n#: end")
    ops = trace.program.ops
    hello = system.hello
    if fitted(ops, hello) != ops or (known.fact and getattr(hello.facts, known.fact) is not None):
        return Check(PART, known.about, Outcome.NOT_OFFERED)
    try:
        (observed,) = system.run([ops])
    except SystemFailed as error:
        return failed(PART, known.about, error.message, error.hint)
    for op, expected, seen in zip(ops, trace.observations, observed, strict=False):
        if expected != seen:
            message = (
                f"{op_text(op)} gave {observation_text(op, seen)}, and Linux gives {observation_text(op, expected)}"
            )
            if reason := excuse(ops[: len(observed)], observed):
                return Check(PART, known.about, Outcome.DIFFERS, f"{message}: {reason}")
            return failed(PART, known.about, message, known.mend)
    return Check(PART, known.about, Outcome.PASSED if len(observed) == len(ops) else Outcome.NOT_OFFERED)
