# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A recording as a system: ``python -m conformance.systems.recorded PATH`` speaks the protocol.

It answers from traces, for any law the same. A program that it does not hold is not offered.
A trace that is cut short, or cannot be true, ends it before it says hello.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from conformance.errors import ConformanceError
from conformance.golden import LIMITS
from conformance.observation import NotOffered, Observation
from conformance.recordings import Recording, read_recording
from conformance.wire.codec import decode_op, encode_observation

PROTOCOL = 1
UNKNOWN = NotOffered("the recording does not hold this program")
_FACTS = ("kernel", "uid", "gid", "capable", "resource_capable", *LIMITS)


def hello(recording: Recording, name: str) -> dict[str, Any]:
    """How a recording introduces itself: by the profile that it was made under."""
    profile = recording.profile
    facts = {fact: getattr(profile, fact) for fact in _FACTS}
    return {
        "message": "hello",
        "protocol": PROTOCOL,
        "name": name,
        "version": f"recorded on Linux {profile.kernel[0]}.{profile.kernel[1]}",
        "facts": {**facts, "filesystem": profile.filesystem.name},
        "environment": {"traces": str(len(recording.traces))},
    }


def observed(recording: Recording, program: dict[str, Any]) -> dict[str, Any]:
    """The answer for a program."""
    ops = tuple([decode_op(op) for op in program["ops"]])
    seen: tuple[Observation, ...] = recording.answer(ops) or (UNKNOWN,) * len(ops)
    observations = [encode_observation(op, one) for op, one in zip(ops, seen, strict=True)]
    return {"message": "observed", "program": program["id"], "observations": observations}


def main() -> None:
    """Speak on standard input and output."""
    path = Path(sys.argv[1])
    try:
        recording = read_recording(path)
    except ConformanceError as error:
        sys.stderr.write(f"{error.where}: {error.message}\n")
        sys.exit(error.exit_code)
    _say(hello(recording, path.name))
    answered = 0
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message["message"] == "bye":
            _say({"message": "bye", "programs": answered})
            return
        for program in message["programs"]:
            _say(observed(recording, program))
            answered += 1


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Whoever asked may go away in the middle of an answer.
    try:
        main()
    except BrokenPipeError:
        os._exit(1)
