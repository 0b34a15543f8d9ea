# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How a conversation begins and ends: hello, bye, and leaving."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conformance.adapter_kit.checks import Check, attempt, failed
from conformance.adapter_kit.talk import Talk
from conformance.ops import SPECS
from conformance.runners import started
from conformance.subjects import Subject
from conformance.systems.process import AdapterFailed
from conformance.wire.messages import Bye, Hello, line_of
from reference.linux.profile import Profile

PART = "handshake"


def handshake(subject: Subject, native: Profile, base: Path) -> Iterator[Check]:
    """The checks of the handshake. When the first fails, nothing else can be asked."""
    system = started(subject, native, base)
    says_hello = attempt(PART, "says hello", lambda: system.hello)
    yield says_hello
    if says_hello.message:
        return
    # Asked for once it has ended, it would be started again for its hello.
    hello = system.hello
    yield _offers(hello)
    yield attempt(PART, "answers a bye", system.close)
    yield _same_again(hello, subject, native, base)
    yield _leaves_after_bye(subject, base)
    yield attempt(PART, "leaves when standard input ends", lambda: _input_ends(subject, base))


def _offers(hello: Hello) -> Check:
    what = "offers ops that there are"
    mend = "name them in capabilities.ops as `fdconform list ops` prints them, or leave capabilities out for all"
    offered = hello.capabilities.ops
    if offered is None:
        return Check(PART, what)
    unknown = sorted(set(offered).difference(spec.name for spec in SPECS))
    if unknown:
        return failed(PART, what, f"offers what is no op: {', '.join(unknown)}", mend)
    if not offered:
        return failed(PART, what, "offers no op at all", mend)
    return Check(PART, what)


def _same_again(hello: Hello, subject: Subject, native: Profile, base: Path) -> Check:
    what = "says the same hello when started again"
    with_other = started(subject, native, base)
    try:
        again = with_other.hello
    except AdapterFailed as error:
        return failed(PART, what, error.message, error.hint)
    finally:
        with_other.kill()
    if again == hello:
        return Check(PART, what)
    differing = [name for name in hello.__struct_fields__ if getattr(hello, name) != getattr(again, name)]
    return failed(
        PART,
        what,
        f"says hello differently when started again: {', '.join(differing)}",
        "what changes from one start to the next does not belong in a hello",
    )


def _leaves_after_bye(subject: Subject, base: Path) -> Check:
    what = "leaves after its bye"
    try:
        with Talk(subject, base) as talk:
            talk.say(line_of(Bye()))
            talk.hear()
            status = talk.leave()
    except AdapterFailed as error:
        return failed(PART, what, error.message, error.hint)
    if status:
        return failed(PART, what, f"leaves with exit status {status}", "exit with 0 after the bye")
    return Check(PART, what)


def _input_ends(subject: Subject, base: Path) -> None:
    with Talk(subject, base) as talk:
        talk.say(b"")
        talk.end_input()
