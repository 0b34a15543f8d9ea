# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A small system under test that is right about pipe2, dup and close, and wrong in one way that its argument names.

Run as ``python hostile.py BEHAVIOUR [MARK]``: MARK is a file by which it knows that it has been started before.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

EBADF = 9
EIO = 5
TURNS = itertools.count()
"""Numbers the programs of a behaviour that comes and goes."""
BEHAVIOUR = sys.argv[1]
FOR_EVER_S = 600
LATE_S = 1.5
HELLO: dict[str, Any] = {
    "message": "hello",
    "protocol": 1,
    "name": "toy",
    "version": "1",
    "capabilities": {"ops": ["pipe2", "dup", "close"]},
}
WITH_FILES: dict[str, Any] = {**HELLO, "capabilities": {"ops": ["open", "ftruncate"]}}
OTHER_HELLOS: dict[str, dict[str, Any]] = {
    "offers-files": WITH_FILES,
    "offers-files-of-a-size": {**WITH_FILES, "facts": {"file_size_bytes_max": 2**20}},
}


def write(text: str | bytes) -> None:
    data = text.encode() if isinstance(text, str) else text
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def say(message: Any) -> None:
    write(json.dumps(message) + "\n")


def sleep_for_ever() -> None:
    time.sleep(FOR_EVER_S)


def die(status: int = 7) -> None:
    os._exit(status)


def endless(stream: Any) -> None:
    while True:
        stream.write(b"x" * 2**16)


def ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)


def fill_the_quota() -> None:
    """Write as much as there is room for, which is told by an error, and go on."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
    with (Path(os.environ["FDCONFORM_DIRECTORY"]) / "junk").open("wb", buffering=0) as junk, suppress(OSError):
        while True:
            junk.write(bytes(2**16))


def leave_a_child(*, own_session: bool = False) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=own_session)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(str(child.pid))


# What a program gives ---------------------------------------------------------------------------


def of_closed(wrong: bool) -> dict[str, Any]:
    """What a call gives for a number that is not open."""
    if wrong and "closed-works" in BEHAVIOUR:
        return {"value": 0}
    return {"errno": EIO if wrong and "closed-eio" in BEHAVIOUR else EBADF}


def observations(program: dict[str, Any]) -> list[dict[str, Any]]:
    names: dict[str, int] = {}
    opened: set[int] = set()
    seen: list[dict[str, Any]] = []
    wrong = "every-second" not in BEHAVIOUR or next(TURNS) % 2 == 0

    def lowest() -> int:
        number = next(number for number in range(3, 256) if number not in opened)
        opened.add(number)
        return number

    for op in program["ops"]:
        number = names.get(op["arguments"][0]["slot"], 1000) if op["call"] != "pipe2" else -1
        if op["call"] == "pipe2":
            value = [lowest(), lowest()]
            names.update(zip(op["out"], value, strict=False))
            seen.append({"value": value})
        elif number not in opened:
            seen.append(of_closed(wrong))
        elif op["call"] == "dup" and "dup-lies" in BEHAVIOUR:
            seen.append({"errno": EBADF})
        elif op["call"] == "dup":
            made = lowest()
            names.update(dict.fromkeys(op["out"], made))
            seen.append({"value": made})
        else:
            opened.discard(number)
            seen.append({"value": 0})
    return seen


def answer(program: dict[str, Any]) -> None:
    say({"message": "observed", "program": program["id"], "observations": observations(program)})


def answer_with(program: dict[str, Any], ending: str) -> None:
    write(json.dumps({"message": "observed", "program": program["id"], "observations": observations(program)}) + ending)


def with_first(program: dict[str, Any], observation: dict[str, Any]) -> None:
    seen = [observation, *observations(program)[1:]]
    say({"message": "observed", "program": program["id"], "observations": seen})


def answer_with_errors(program: dict[str, Any]) -> None:
    say({"message": "observed", "program": program["id"], "observations": [{"errno": EIO} for _ in program["ops"]]})


# The ways of being wrong ------------------------------------------------------------------------

OPENINGS: dict[str, Any] = {
    "hello-never": sleep_for_ever,
    "hello-leaves": lambda: die(0),
    "hello-dies": lambda: (sys.stderr.write("no such device\n"), sys.stderr.flush(), die()),
    "hello-killed": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hello-half": lambda: (write('{"message":"hel'), sleep_for_ever()),
    "hello-half-and-dies": lambda: (write('{"message":"hel'), die()),
    "hello-protocol": lambda: say({**HELLO, "protocol": 99}),
    "hello-protocol-text": lambda: say({**HELLO, "protocol": "one"}),
    "hello-no-name": lambda: say({"message": "hello", "protocol": 1, "version": "1"}),
    "hello-banner": lambda: write("Welcome to toy 1.0\n"),
    "hello-utf8": lambda: write(b'{"message":"hello","protocol":1,"name":"\xff","version":"1"}\n'),
    "hello-observed": lambda: say({"message": "observed", "program": "0", "observations": []}),
    "hello-bye": lambda: say({"message": "bye", "programs": 0}),
    "hello-endless": lambda: endless(sys.stdout.buffer),
    "hello-closes": lambda: (os.close(1), sleep_for_ever()),
    "hello-noise": lambda: endless(sys.stderr.buffer),
    "hello-empty": lambda: write("\n"),
    "hello-deep": lambda: write("[" * 100000 + "\n"),
    "hello-nan": lambda: write('{"message":"hello","protocol":NaN,"name":"toy","version":"1"}\n'),
    "hello-huge": lambda: write('{"message":"hello","protocol":1' + "0" * 5000 + ',"name":"toy","version":"1"}\n'),
    "hello-ops-text": lambda: say({**HELLO, "capabilities": {"ops": "pipe2"}}),
    "hello-ops-numbers": lambda: say({**HELLO, "capabilities": {"ops": [1, 2]}}),
    "hello-kernel-text": lambda: say({**HELLO, "facts": {"kernel": "6.1"}}),
    "hello-kernel-short": lambda: say({**HELLO, "facts": {"kernel": [6]}}),
    "hello-nul": lambda: write(b"\0\0\0\0\n"),
    "hello-bom": lambda: write(b"\xef\xbb\xbf" + json.dumps(HELLO).encode() + b"\n"),
    "hello-stops": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "hello-list": lambda: write("[]\n"),
    "hello-trickle": lambda: [(write("x"), time.sleep(0.05)) for _ in range(FOR_EVER_S)],
}

FIRST_ONLY: dict[str, dict[str, Any]] = {
    "value-text": {"value": "3"},
    "value-one": {"value": [3]},
    "value-null": {"value": None},
    "value-bool": {"value": [3, True]},
    "value-float": {"value": [3, 4.0]},
    "value-large": {"value": [3, 2**99]},
    "value-none": {},
    "value-two": {"value": [3, 4], "errno": 9},
    "value-more": {"value": [3, 4], "colour": "blue"},
    "errno-zero": {"errno": 0},
    "errno-huge": {"errno": 2**70},
    "errno-name": {"errno": "EBADF"},
    "signals-none": {"value": [3, 4], "signals": [0]},
    "signals-twice": {"value": [3, 4], "signals": [13, 13]},
    "blocked-false": {"blocked": False},
    "wrong-number": {"value": [3, 5]},
    "negative-number": {"value": [3, -4]},
    "broken-all": {"broken": "a mistake of the adapter"},
    "unsupported-all": {"unsupported": "no pipes here"},
}


def raw(program: dict[str, Any], text: str) -> None:
    write(f'{{"message":"observed","program":"{program["id"]}","observations":[{text}]}}\n')


ANSWERS: dict[str, Any] = {
    **{name: (lambda program, first=first: with_first(program, first)) for name, first in FIRST_ONLY.items()},
    **dict.fromkeys(OTHER_HELLOS, answer_with_errors),
    "answer-never": lambda program: sleep_for_ever(),
    "answer-dies": lambda program: die(),
    "answer-half-and-dies": lambda program: (write('{"message":"obs'), die()),
    "answer-half": lambda program: (write('{"message":"obs'), sleep_for_ever()),
    "answer-trickle": lambda program: [(write(" "), time.sleep(0.05)) for _ in range(FOR_EVER_S)],
    "answer-endless": lambda program: endless(sys.stdout.buffer),
    "answer-wrong-id": lambda program: answer({**program, "id": "elsewhere"}),
    "answer-too-few": lambda program: answer({**program, "ops": program["ops"][:-1]}),
    "answer-too-many": lambda program: answer({**program, "ops": [*program["ops"], program["ops"][0]]}),
    "answer-none": lambda program: answer({**program, "ops": []}),
    "answer-twice": lambda program: (answer(program), answer(program)),
    "answer-prints": lambda program: (write("running…\n"), answer(program)),
    "answer-hello": lambda program: say(HELLO),
    "answer-bye": lambda program: say({"message": "bye", "programs": 0}),
    "answer-unknown": lambda program: say({"message": "progress", "percent": 50}),
    "value-huge": lambda program: raw(program, '{"value":[3,1' + "0" * 5000 + "]}"),
    "answer-nan": lambda program: raw(program, '{"value":NaN}'),
    "answer-infinity": lambda program: raw(program, '{"value":Infinity}'),
    "answer-1e999": lambda program: raw(program, '{"value":1e999}'),
    "answer-id-number": lambda program: say({"message": "observed", "program": int(program["id"]), "observations": []}),
    "answer-two-in-a-line": lambda program: write(json.dumps({"message": "bye"}) * 2 + "\n"),
    "answer-nul": lambda program: write(b"\0\n"),
    "answer-late": lambda program: (time.sleep(LATE_S), answer(program)),
    "answer-crlf": lambda program: answer_with(program, "\r\n"),
    "answer-noise": lambda program: (sys.stderr.write("x" * 2**20), sys.stderr.flush(), answer(program)),
    "answer-deep": lambda program: raw(program, '{"value":' + "[" * 50000 + "]" * 50000 + "}"),
    "answer-utf8": lambda program: write(b'{"message":"observed","program":"\xff","observations":[]}\n'),
    "child-and-dies": lambda program: (leave_a_child(), die()),
    "daemon-and-dies": lambda program: (leave_a_child(own_session=True), die()),
}


def on_the_marked_program(program: dict[str, Any]) -> bool:
    """The program with a dup in it is the one that some behaviours do not survive."""
    return any(op["call"] == "dup" for op in program["ops"])


MARKED: dict[str, Any] = {
    "marked-hangs": sleep_for_ever,
    "marked-dies": die,
    "marked-closes": lambda: (os.close(1), sleep_for_ever()),
    "marked-changes": sleep_for_ever,
    "marked-capabilities": sleep_for_ever,
    "marked-late": lambda: time.sleep(LATE_S),
    "marked-stops": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "marked-closes-stdin": lambda: (os.close(0), sleep_for_ever()),
    "marked-floods": lambda: endless(sys.stderr.buffer),
    "marked-ignores-all": lambda: (ignore_signals(), leave_a_child(own_session=True), sleep_for_ever()),
    "marked-ignores-term": lambda: (signal.signal(signal.SIGTERM, signal.SIG_IGN), sleep_for_ever()),
}
ENDINGS: dict[str, Any] = {
    "bye-never": lambda count: sleep_for_ever(),
    "bye-dies": lambda count: die(),
    "bye-count": lambda count: say({"message": "bye", "programs": count + 1}),
    "bye-count-closed-works": lambda count: say({"message": "bye", "programs": count + (count > 0)}),
    "bye-no-count": lambda count: say({"message": "bye"}),
    "bye-observed": lambda count: say({"message": "observed", "program": "0", "observations": []}),
    "bye-stays": lambda count: (say({"message": "bye", "programs": count}), sleep_for_ever()),
    "bye-child": lambda count: (say({"message": "bye", "programs": count}), leave_a_child()),
    "bye-daemon": lambda count: (say({"message": "bye", "programs": count}), leave_a_child(own_session=True)),
    "bye-huge": lambda count: write('{"message":"bye","programs":1' + "0" * 5000 + "}\n"),
    "bye-late": lambda count: (time.sleep(LATE_S), say({"message": "bye", "programs": count})),
    "bye-stays-deaf": lambda count: (say({"message": "bye", "programs": count}), ignore_signals(), sleep_for_ever()),
    "bye-word": lambda count: write("bye\n"),
}


def hello() -> None:
    if BEHAVIOUR in OPENINGS:
        OPENINGS[BEHAVIOUR]()
        sleep_for_ever()
    if BEHAVIOUR == "marked-changes":
        mark = Path(sys.argv[2])
        say({**HELLO, "version": "2" if mark.exists() else "1"})
        mark.touch()
        return
    if BEHAVIOUR == "marked-capabilities":
        mark = Path(sys.argv[2])
        say({**HELLO, "capabilities": {"ops": ["pipe2"] if mark.exists() else ["pipe2", "dup", "close"]}})
        mark.touch()
        return
    if BEHAVIOUR == "fills-quota":
        fill_the_quota()
    say(OTHER_HELLOS.get(BEHAVIOUR, HELLO))
    if BEHAVIOUR == "hello-twice":
        say(HELLO)
    if BEHAVIOUR == "deaf":
        sleep_for_ever()
    if BEHAVIOUR == "fills-disk":
        (Path(os.environ["FDCONFORM_DIRECTORY"]) / "junk").write_bytes(bytes(2**24))


def main() -> None:
    hello()
    count = 0
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message["message"] == "bye":
            ENDINGS.get(BEHAVIOUR, lambda count: say({"message": "bye", "programs": count}))(count)
            return
        programs = message["programs"]
        for program in reversed(programs) if BEHAVIOUR == "answer-swapped" else programs:
            if BEHAVIOUR in MARKED and on_the_marked_program(program):
                MARKED[BEHAVIOUR]()
            ANSWERS.get(BEHAVIOUR, answer)(program)
            count += 1


main()
