# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A conversation by hand, for what the harness itself would never say to a system."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from conformance.subjects import Subject
from conformance.systems.process import AdapterFailed, put_in
from conformance.systems.stage import staged
from conformance.wire.channel import Channel, Ended, Interrupted
from conformance.wire.messages import Observed, read_from_system

STAYS = "leave after the bye, and when standard input ends"


class Talk:
    """An adapter that is started and spoken to. Use as a context manager: it and its directory go in the end."""

    def __init__(self, subject: Subject, base: Path) -> None:
        self._subject = subject
        self._directory = tempfile.TemporaryDirectory(prefix="fdconform-system-", dir=base)
        try:
            directory = Path(self._directory.name)
            command = [put_in(argument, directory) for argument in staged(subject.command, subject.setup)]
            self._channel = Channel(command, directory)
        except OSError as error:
            self._directory.cleanup()
            raise AdapterFailed(f"cannot be started: {error.strerror}", hint="try the command in a shell") from None
        self._is_gone = False

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_gone:
            self._channel.stop()
        self._directory.cleanup()

    def say(self, line: bytes) -> None:
        """Wait for the hello, then send a line. That the adapter is gone by then is no error."""
        try:
            self._channel.receive(self._subject.hello_s)
            self._channel.send(line, self._subject.deadline_s)
        except Ended:
            return
        except Interrupted as failure:
            raise AdapterFailed(str(failure), hint="read standard input until it ends") from None

    def hear(self) -> bytes:
        """The next line. AdapterFailed when there is none."""
        try:
            return self._channel.receive(self._subject.bye_s)
        except Interrupted as failure:
            raise AdapterFailed(str(failure), hint="answer each message") from None

    def end_input(self) -> bool:
        """End the adapter's standard input, and see it leave: whether it has told what an op gave.

        AdapterFailed when it stays.
        """
        self._channel.close_input()
        told = False
        try:
            while True:
                told |= _tells(self._channel.receive(self._subject.bye_s))
        except Ended:
            self.leave()
        except Interrupted as failure:
            raise AdapterFailed(f"stays when its standard input has ended: {failure}", hint=STAYS) from None
        return told

    def leave(self) -> int:
        """The exit status that the adapter leaves with. AdapterFailed when it stays."""
        self._is_gone = True
        status = self._channel.stop(self._subject.bye_s)
        if status is None:
            raise AdapterFailed(f"stays for more than {self._subject.bye_s:g} s", hint=STAYS)
        return status


def _tells(line: bytes) -> bool:
    """Whether a line tells what an op gave, or that a program had none. That an op is not offered tells nothing."""
    try:
        message = read_from_system(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    if not isinstance(message, Observed):
        return False
    return not message.observations or any(seen.unsupported is msgspec.UNSET for seen in message.observations)
