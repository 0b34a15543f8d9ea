# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The side of a donation that is inside a sandbox: performs the calls of a program on what was donated to it.

Started as ``python -m conformance.systems.room NAME``. It takes requests from standard input and answers on
standard output; another process of the sandbox connects to the abstract address NAME and passes on a descriptor that it
was started with, so that a sandbox which imports descriptors only when a process starts can be given them at any time.
Without a NAME it is the first process of a sandbox that is saved and restored, which gives only that one its
descriptors back: then its standard input is the one donation, and it takes requests from standard error. These are
pipes, for a sandbox that is ended after a save shuts down its sockets.

Each program has a process of its own, which is forked when the program donates something for the first time.
The process in between looks whether a call sleeps, as :mod:`conformance.systems.native_worker` does on our own machine.
"""

from __future__ import annotations

import mmap
import os
import re
import resource
import select
import signal
import socket
import stat
import sys
import traceback
from collections.abc import Hashable, Iterable
from contextlib import suppress
from typing import Any, NoReturn

from conformance.systems.doors import Door, Given, Listener
from conformance.systems.frames import Closed, receive, send
from conformance.systems.native import Native
from conformance.systems.native_calls.attributes import refuse_device
from conformance.systems.native_calls.identity import NativeIdentity
from conformance.systems.native_calls.private import PRIVATE_FD_MAX, PRIVATE_FD_MIN, make_private
from conformance.systems.sleeping import LOOK_INTERVAL_MS, UNSURE, sleep_state
from conformance.systems.worker import GIVE_UP, NUDGE, RECORDED_SIGNALS
from reference.host.inode import DEVICE
from reference.outcomes import Sleeps
from reference.structures import Message
from reference.syscalls import Address

VALUE, ERROR, ASLEEP, BROKEN = "value", "error", "asleep", "broken"
"""How a call ended: with a value, with an error number, not at all, or in a way that nobody foresaw."""
LOWEST = 3
"""The lowest number that is followed from one side to the other: below are the standard streams."""
_MOVING = ("dup2", "dup3")
BEGIN, ARRIVE, CALL, END = "begin", "arrive", "call", "end"
"""Requests: a program begins, a descriptor was donated, perform a call, the program is over."""

_HOST_ADDRESS = re.compile(rb"hostfd:\[(\d+)\]")
_HOST_NAME = re.compile(r"host:\[(\d+)\]")


class Inside(Native):
    """The calls of one program in a sandbox. What was donated is numbered from 1, in the order in which it came."""

    def __init__(self) -> None:
        super().__init__()
        self.donated: list[tuple[int, int] | None] = []
        """The device and inode of each donation; None for one that the sandbox refused."""

        self.sockets: dict[int, str] = {}
        """The addresses of imported sockets, by the sandbox's numbers in them."""

    def link_text(self, fd: int, text: str) -> str:
        return super().link_text(fd, self._numbered(text))

    def mapped_name(self, text: str, inode: int, key: Hashable) -> str:
        return super().mapped_name(self._numbered(text), inode, key)

    def _protect(self, fd: int) -> None:
        """Modes and owners of the machine cannot be changed from here: they are the virtual owner's."""

    def _protect_times(self, fd: int) -> None:
        """Times are handed on to the file of the host, whoever owns the import: not to a device of the machine."""
        try:
            found = os.fstat(fd)
        except OSError:
            return
        refuse_device(fd, found)

    def is_shared(self, fd: int) -> bool:
        return False

    def _told(self, length: int) -> Address:
        """An address; that of an import is named after the number of the program's that stands for it."""
        name = self._address.raw[2:length].rstrip(b"\0")
        found = _HOST_ADDRESS.fullmatch(name)
        return self.sockets.get(int(found[1]), "") if found else super()._told(length)

    def _numbered(self, text: str) -> str:
        """The name of an import with the place of the donation instead of the sandbox's number."""
        found = _HOST_NAME.fullmatch(text)
        places = [place for place, key in enumerate(self.donated, 1) if found and key and key[1] == int(found[1])]
        return f"host:[{places[0]}]" if places else text

    def inode_number(self, fd: int, device: int, inode: int, mode: int, node: int) -> int:
        """The place of an import among all; any other inode is numbered as it is natively."""
        if not any(found and found[0] == device for found in self.donated):
            return NativeIdentity.inode_number(self, fd, device, inode, mode, node)
        if (device, inode) not in self.donated:
            # It came by another way, and counts all the same.
            self.donated.append((device, inode))
        return self.donated.index((device, inode)) + 1

    def recvmsg(self, fd: int, lengths: tuple[int, ...], rights_max: int, flags: int) -> Message:
        message = super().recvmsg(fd, lengths, rights_max, flags)
        for right in message.rights:
            # Each is an import of its own, in the order in which they came.
            found = os.fstat(right)
            self.inode_number(right, found.st_dev, found.st_ino, found.st_mode, found.st_rdev)
        return message

    def device_number(self, device: int, mode: int, node: int) -> int:
        if any(found and found[0] == device for found in self.donated):
            return DEVICE
        return super().device_number(device, mode, node)


class Runner:
    """The process of one program. ``page`` tells whoever watches which call is being performed, 0 for none."""

    def __init__(self, requests: int, replies: int, page: memoryview, door: Door) -> None:
        self._requests = requests
        self._replies = replies
        self._page = page
        self._door = door
        self._null = make_private(os.open("/dev/null", os.O_RDWR))
        self._native = Inside()
        self._held: set[int] = set()
        """Numbers that the host's side of the program has: they are taken here as well."""
        for number in RECORDED_SIGNALS:
            signal.signal(number, self._record)
        signal.signal(NUDGE, _ignore)
        signal.signal(GIVE_UP, self._give_up)

    def _give_up(self, number: int, frame: object) -> None:
        """Leave the call; one that has ended by now needs no end."""
        if self._page[0]:
            raise Sleeps("interrupted")

    def _record(self, number: int, frame: object) -> None:
        if number not in self._native.signals:
            self._native.signals.append(number)

    def serve(self) -> NoReturn:
        """Until there are no more requests."""
        while True:
            try:
                kind, *body = receive(self._requests)
            except Closed:
                os._exit(0)
            send(self._replies, self._answered(kind, body))

    def _answered(self, kind: str, body: list[Any]) -> tuple[str, Any]:
        """What went wrong here, if anything did, and the answer to a request."""
        try:
            return "", getattr(self, f"_{kind}")(*body)
        except Exception:
            return traceback.format_exc(), None

    def _begin(self, settings: dict[str, Any]) -> int:
        """Take over what the program starts with. How many donations were left behind by another."""
        os.umask(settings["umask"])
        resource.setrlimit(resource.RLIMIT_NOFILE, (settings["descriptors_max"], PRIVATE_FD_MAX + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, settings["file_size_bytes_max"])
        self._native.started_at(settings["started_ns"])
        return self._door.left_behind()

    def _arrive(self, number: int, flags: int, refused: bool) -> None:
        """Give the descriptor that was donated the number that it has on the host's side, and these status flags."""
        if refused:
            self._native.donated.append(None)
            return
        fd = self._door.arrived()
        os.dup2(fd, number, inheritable=True)
        self._held.discard(number)
        if fd != number:
            os.close(fd)
        if flags & os.O_NONBLOCK:
            os.set_blocking(number, False)
        found = os.fstat(number)
        self._native.donated.append((found.st_dev, found.st_ino))
        if stat.S_ISSOCK(found.st_mode):
            with socket.socket(fileno=os.dup(number)) as arrived:
                name = None
                with suppress(OSError):
                    name = _HOST_ADDRESS.fullmatch(os.fsencode(arrived.getpeername()))
            if name is not None:
                self._native.sockets[int(name[1])] = f"hostfd:[{number}]"

    def _call(self, count: int, held: set[int], name: str, arguments: tuple[Any, ...]) -> tuple[str, Any, Any, Any]:
        """How a call ended, the signals that it raised, and the numbers that are open now and not only held."""
        self._hold(held)
        self._page[0] = count
        ended, outcome = self._performed(name, arguments) if name else (VALUE, None)
        self._page[0] = 0
        if ended == VALUE and name in _MOVING:
            self._held.discard(outcome)
        opened = open_numbers()
        self._held &= opened
        # A handler runs between two calls at the earliest, so whatever was raised has been recorded by now.
        signals = list(self._native.signals)
        self._native.signals.clear()
        return ended, outcome, signals, opened - self._held

    def _performed(self, name: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
        try:
            return VALUE, getattr(self._native, name)(*arguments)
        except OSError as error:
            return ERROR, error.errno
        except Sleeps:
            return ASLEEP, None
        except Exception as error:
            return BROKEN, f"{type(error).__name__}: {error}"

    def _hold(self, held: set[int]) -> None:
        for number in self._held - held:
            os.close(number)
        for number in held - self._held:
            os.dup2(self._null, number)
        self._held = held


def open_numbers() -> set[int]:
    """The numbers of descriptors that a program can have, and that are open."""
    listed = os.listdir("/proc/self/fd")
    return {fd for fd in map(int, listed) if LOWEST <= fd < PRIVATE_FD_MIN and _is_open(fd)}


def _is_open(fd: int) -> bool:
    """Whether a number is open. The one that listed the others is not any more."""
    try:
        os.get_inheritable(fd)
    except OSError:
        return False
    return True


def _ignore(number: int, frame: object) -> None:
    """Being woken is all."""


class Room:
    """The process in between: passes requests on to the process of a program, and watches it."""

    def __init__(self, requests: int, replies: int, door: Door) -> None:
        self._requests = requests
        self._replies = replies
        self._page = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("I")
        self._door = door
        self._runner = 0
        self._pipes: tuple[int, int] = (-1, -1)

    def serve(self) -> None:
        """Until the other side goes away."""
        send(self._replies, "ready")
        while True:
            try:
                request = receive(self._requests)
            except Closed:
                self._end()
                return
            if request[0] == BEGIN:
                self._begin()
            if request[0] == END:
                self._end()
                send(self._replies, ("", None))
                continue
            send(self._replies, self._passed_on(request))

    def _passed_on(self, request: list[Any]) -> tuple[str, Any]:
        """What the process of the program answers to a request; that it has ended, if it has."""
        try:
            send(self._pipes[0], request)
            self._watch(request[1] if request[0] == CALL else 0)
            answer: tuple[str, Any] = receive(self._pipes[1])
        except (Closed, BrokenPipeError):
            return "the process of the program has ended", None
        return answer

    def _begin(self) -> None:
        self._end()
        requests, ours = map(make_private, os.pipe())
        answers, replies = map(make_private, os.pipe())
        self._runner = os.fork()
        if self._runner == 0:
            os.close(ours)
            os.close(answers)
            Runner(requests, replies, self._page, self._door).serve()
        self._door.leave()
        os.close(requests)
        os.close(replies)
        self._pipes = (ours, answers)

    def _end(self) -> None:
        if self._runner:
            os.kill(self._runner, signal.SIGKILL)
            os.waitpid(self._runner, 0)
            _close(self._pipes)
            self._runner = 0

    def _watch(self, count: int) -> None:
        """Wait until the process has answered; wake it when it sleeps in the call of this number."""
        poller = select.poll()
        poller.register(self._pipes[1], select.POLLIN)
        slept, nudged = False, False
        while not poller.poll(LOOK_INTERVAL_MS):
            asleep = bool(count) and self._page[0] == count and sleep_state(self._runner)[0] in ("S", UNSURE)
            if asleep and slept:
                os.kill(self._runner, GIVE_UP if nudged else NUDGE)
                nudged, slept = True, False
            else:
                slept = asleep


def _close(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)


def main() -> None:
    """Serve on standard streams, which programs cannot reach."""
    door: Door
    if len(sys.argv) > 1:
        requests, replies = make_private(os.dup(0)), make_private(os.dup(1))
        door = Listener(sys.argv[1])
    else:
        requests, replies = make_private(os.dup(2)), make_private(os.dup(1))
        door = Given(make_private(os.dup(0)))
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(LOWEST):
        os.dup2(null, number)
    os.close(null)
    Room(requests, replies, door).serve()


if __name__ == "__main__":
    main()
