# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A sandbox that descriptors of ours are donated to: an import gives one away, and calls on it are made inside.

The host's own side of a program runs here, natively: it makes the objects, and keeps the other ends of them.
``import_fd`` starts a process in the sandbox that has the descriptor as its standard input; it passes it on to the
*room* (:mod:`conformance.systems.room`), where all calls on the program's imports are made from then on.

**Numbers.** A program has one table of descriptors, and here it lies in two processes.
Each holds a place for every number that the other has, so that both hand out the lowest number that is free in both.

**Waiting.** Whoever watches this process takes one that sleeps for blocked. What runs inside is watched there,
so while it is waited for, this process says so.
"""

from __future__ import annotations

import errno
import inspect
import json
import os
import resource as limits
import select
import socket
import stat
from collections.abc import Callable
from typing import Any

from conformance.interpreter import Unreachable
from conformance.systems.frames import Closed, receive, send
from conformance.systems.native import Native
from conformance.systems.native_calls.private import make_private, private_numbers
from conformance.systems.room import ARRIVE, ASLEEP, BEGIN, CALL, END, ERROR, LOWEST, VALUE, open_numbers
from reference.constants.descriptors import F_GETFL, F_SETFL
from reference.constants.limits import PAGE_SIZE
from reference.constants.open_flags import O_NOFOLLOW, O_NONBLOCK, O_PATH
from reference.constants.requests import FIONBIO
from reference.outcomes import Sleeps
from reference.syscalls import Syscalls

EXEC = "FDCONFORM_EXEC"
"""The variable with the commands, as JSON, that start processes in the sandbox.

``room`` starts the room; ``plain`` and ``tty`` a process that passes its standard input on to it, which was imported as
what it is, or as a terminal.
"""
LOST = "FDCONFORM_LOST_FLAGS"
"""The variable with the status flags that the sandbox loses when something is opened again."""
_FD_NAMES = frozenset(("fd", "fd_in", "fd_out", "out_fd", "in_fd", "target"))
_LIST_NAMES = frozenset(("fds", "read", "write", "urgent", "rights"))
_OF_MAPPINGS = frozenset(("load", "store", "msync", "mapping_path", "munmap"))
_SAID_MAX = 4096
_ERRORS = {os.strerror(number).lower(): number for number in errno.errorcode} | {"not a typewriter": errno.ENOTTY}
"""Errors as the client spells them."""


class Donated(Native):
    """The host's side of a program, and the way to what it has donated."""

    def __init__(self) -> None:
        super().__init__()
        self._commands: dict[str, list[str]] = json.loads(os.environ[EXEC])
        self._lost = int(os.environ.get(LOST, "0"))
        self._room: tuple[int, int] | None = None
        self._begun = False
        self._calls = 0
        self._imports: set[int] = set()
        """Numbers that are the sandbox's, or were so last."""
        self._held: set[int] = set()
        """Numbers that are open here only to be taken."""
        self._instances: dict[int, int] = {}
        """Epoll instances that know of nothing yet, with the flags that they were made with."""
        self._null = make_private(os.open(os.devnull, os.O_RDWR))
        self._complaints = tuple(map(make_private, [end.detach() for end in socket.socketpair()]))
        self._log = make_private(os.memfd_create("fdconform-donation"))

    def settle_in(self) -> None:
        super().settle_in()
        self._room = self._opened()

    def reset(self) -> None:
        super().reset()
        if self._begun:
            self._ask(END)
            self._begun = False
        self._imports.clear()
        self._held.clear()
        self._instances.clear()

    def may_be_terminal(self, fd: int) -> bool:
        # What stands here for a descriptor of the sandbox does not tell what that is.
        return self._is_inside(fd) or super().may_be_terminal(fd)

    # Donations --------------------------------------------------------------------------------

    def import_fd(
        self, fd: int, readonly: int, owner: tuple[int, int] | None, tty: int, flags: int | None, savable: int
    ) -> int:
        if self._is_inside(fd):
            raise Unreachable("what was imported is not the host's to donate")
        donated = self.dup(fd)
        try:
            kept = self.fcntl(donated, F_GETFL) & O_NONBLOCK
            if not self._begun:
                self._begin(donated)
            problem = self._donate(donated, "tty" if tty else "plain")
            self._ask(ARRIVE, donated, kept, bool(problem))
            if problem:
                raise problem
        except BaseException:
            os.close(donated)
            raise
        os.dup2(self._null, donated)
        self._imports.add(donated)
        self._held.add(donated)
        return donated

    def _begin(self, fd: int) -> None:
        """Begin the program in the room. ``fd`` is the first that is donated."""
        umask = os.umask(0)
        os.umask(umask)
        settings = {
            "umask": umask,
            "descriptors_max": limits.getrlimit(limits.RLIMIT_NOFILE)[0],
            "file_size_bytes_max": limits.getrlimit(limits.RLIMIT_FSIZE),
            "started_ns": self.started_ns,
        }
        self._begun = True
        if left := self._ask(BEGIN, settings):
            raise RuntimeError(f"{left} donations were left behind")

    def _opened(self) -> tuple[int, int] | None:
        """Start the room, unless one is started for each program. It ends when its standard input does."""
        requests, ours = map(make_private, os.pipe())
        answers, replies = map(make_private, os.pipe())
        self._spawn("room", (requests, replies, self._log))
        os.close(requests)
        os.close(replies)
        self._await(answers)
        receive(answers)
        return ours, answers

    def _donate(self, fd: int, kind: str) -> OSError | None:
        """Start a process with a descriptor, and wait until the client that started it has let go of it as well.

        A terminal is made of whichever of the three standard descriptors comes first, so all of them are the same.
        What the client has to say would then reach the other end; it speaks only when a socket is refused,
        and another socket is refused for the same reason. Which comes first is left to chance: where it was the other,
        that one has O_NONBLOCK now, and what was donated has lost it to the client and not got it back.
        """
        is_socket = stat.S_ISSOCK(os.fstat(fd).st_mode)
        others = (self._log, self._log) if kind == "plain" else (fd, self._complaints[1] if is_socket else fd)
        os.set_blocking(self._complaints[1], True)
        child = self._spawn(kind, (fd, *others))
        with self.waiting():
            _, status = os.waitpid(child, 0)
        if status and not os.get_blocking(self._complaints[1]):
            os.read(self._complaints[0], _SAID_MAX)
            raise Unreachable("the sandbox has looked at another of the three streams than the donated one")
        return self._refusal(is_socket and kind != "plain") if status else None

    def _refusal(self, complained: bool) -> OSError:
        """Why the last process did not start: the errno with which the sandbox refused its standard input."""
        said = os.read(self._complaints[0], _SAID_MAX) if complained else os.pread(self._log, _SAID_MAX, 0)
        text = said.decode(errors="replace").strip()
        number = _ERRORS.get(text.rpartition("in sandbox: ")[2])
        if number is None:
            raise Unreachable(f"it cannot be donated: {text}")
        return OSError(number, os.strerror(number))

    def _spawn(self, name: str, streams: tuple[int, int, int]) -> int:
        command = self._commands[name]
        os.ftruncate(self._log, 0)
        os.lseek(self._log, 0, os.SEEK_SET)
        actions: list[tuple[int, ...]] = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(streams)]
        # A sandbox that is restored would keep open for good what the program closes later.
        actions += [(os.POSIX_SPAWN_CLOSE, number) for number in open_numbers()]
        # Numbers above the limit are taken for wrong ones.
        with private_numbers():
            return os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsigdef=range(1, 32))

    # Calls ------------------------------------------------------------------------------------

    def dup2(self, fd: int, newfd: int) -> int:
        return self._moved("dup2", (fd, newfd))

    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        return self._moved("dup3", (fd, newfd, flags))

    def _moved(self, name: str, arguments: tuple[int, ...]) -> int:
        """dup2 and dup3: the one number that they read decides; what the other meant may be on either side."""
        made: int
        if self._is_inside(arguments[0]):
            if 0 <= arguments[1] < LOWEST:
                raise Unreachable("what stands for a standard stream stays on the host's side")
            made = self._inside(name, arguments)
            return made
        made = getattr(Native, name)(self, *arguments)
        if made in self._held:
            self._held.discard(made)
            self._inside("", ())
        return made

    def close(self, fd: int) -> int:
        inside = self._is_inside(fd)
        closed = int(self._routed("close", (fd,), [fd]))
        if not inside:
            self._imports.discard(fd)
        return closed

    def close_range(self, first: int, last: int, flags: int) -> int:
        if self._begun:
            self._inside("close_range", (first, last, flags))
        ours = open_numbers() - self._held
        closed = super().close_range(first, last, flags)
        self._held &= open_numbers()
        self._imports -= ours - open_numbers()
        return closed

    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        if command == F_SETFL and not argument & O_NONBLOCK:
            self._keep_going(fd)
        return self._routed("fcntl", (fd, command, argument), [fd])

    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        if request == FIONBIO and not argument:
            self._keep_going(fd)
        return self._routed("ioctl", (fd, request, argument), [fd])

    def _keep_going(self, fd: int) -> None:
        """The sandbox itself hangs where the host takes away the O_NONBLOCK that it relies on; nothing wakes it."""
        if self._begun and not self._is_inside(fd) and fd in open_numbers() and not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Unreachable("the sandbox itself would wait, and could not be woken")

    def epoll_create1(self, flags: int) -> int:
        made = super().epoll_create1(flags)
        self._instances[made] = flags
        return made

    def epoll_ctl(self, fd: int, operation: int, target: int, events: int, data: int) -> int:
        """An instance goes to the side of the first descriptor that it is to watch."""
        flags = self._instances.pop(fd, None)
        arguments = (fd, operation, target, events, data)
        if flags is not None and not self._is_inside(fd) and self._is_inside(target):
            super().close(fd)
            if self._inside("epoll_create1", (flags,)) != fd:
                raise Unreachable("a number below that of the epoll instance has become free")
        return int(self._routed("epoll_ctl", arguments, [fd, target]))

    def reopen(self, fd: int, flags: int) -> int:
        if self._begun and flags & self._lost and self._is_inside(fd):
            raise Unreachable("this sandbox drops some of the flags, and all that follows would differ")
        if self._begun and flags & O_NOFOLLOW and flags & O_PATH and self._is_inside(fd):
            raise Unreachable("a link of the sandbox's own is opened, of which the host model says nothing")
        return int(self._routed("reopen", (fd, flags), [fd]))

    def mmap(self, fd: int, length: int, protection: int, flags: int, offset: int) -> int:
        if not self._is_inside(fd):
            raise Unreachable("mappings are counted in one place")
        if offset % PAGE_SIZE:
            raise Unreachable("the C library refuses it before the sandbox is asked")
        return int(self._inside("mmap", (fd, length, protection, flags, offset)))

    def _routed(self, name: str, arguments: tuple[Any, ...], numbers: list[int]) -> Any:
        """Make a call where the descriptors are that it names."""
        if not self._begun:
            return getattr(Native, name)(self, *arguments)
        if not any(map(self._is_inside, numbers)):
            return getattr(Native, name)(self, *arguments)
        if not (open_numbers() - self._held).isdisjoint(numbers):
            raise Unreachable(f"{name} names descriptors of both sides")
        return self._inside(name, arguments)

    def _is_inside(self, number: int) -> bool:
        """Whether a number is the sandbox's; one that is closed, whether it was so last."""
        return number in self._held or (number in self._imports and number not in open_numbers())

    def _inside(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """What a call gives in the sandbox."""
        self._calls += 1
        opened = open_numbers() - self._held
        ended, outcome, signals, numbers = self._ask(CALL, self._calls, opened, name, arguments)
        self._hold(numbers)
        self.signals += signals
        if ended == VALUE:
            return outcome
        if ended == ERROR:
            raise OSError(outcome, os.strerror(outcome))
        if ended == ASLEEP:
            raise Sleeps("interrupted")
        raise RuntimeError(outcome)

    def _hold(self, numbers: set[int]) -> None:
        for number in self._held - numbers:
            os.close(number)
        for number in numbers - self._held:
            os.dup2(self._null, number)
        self._imports |= numbers
        self._held = numbers

    def _ask(self, *request: Any) -> Any:
        assert self._room is not None
        try:
            # A request or an answer that is longer than a pipe is waited for as well; half of one would be the end.
            with self.waiting():
                send(self._room[0], request)
                self._await(self._room[1])
                failure, answer = receive(self._room[1])
        except (Closed, BrokenPipeError):
            # As an error of the call it would be taken for what the program is given.
            raise RuntimeError("the room has ended") from None
        if failure:
            raise RuntimeError(f"the room failed:\n{failure}")
        return answer

    def _await(self, fd: int) -> None:
        """Wait for an answer, or for the end of whoever was to give it."""
        ready = select.poll()
        ready.register(fd, select.POLLIN)
        with self.waiting():
            ready.poll()


def _routes(name: str) -> Callable[..., Any] | None:
    """A method that makes a call where its descriptors are; None for a call that names none, and is the host's."""
    places = list(inspect.signature(getattr(Syscalls, name)).parameters)[1:]
    single = [place for place, known in enumerate(places) if known in _FD_NAMES]
    lists = [place for place, known in enumerate(places) if known in _LIST_NAMES]
    if name in _OF_MAPPINGS:

        def at_mapping(self: Donated, *arguments: Any) -> Any:
            return self._inside(name, arguments) if self._begun else getattr(Native, name)(self, *arguments)

        return at_mapping
    if not single and not lists:
        return None

    def routed(self: Donated, *arguments: Any) -> Any:
        numbers = [arguments[place] for place in single]
        for place in lists:
            numbers += [member[0] if isinstance(member, tuple) else member for member in arguments[place]]
        return self._routed(name, arguments, numbers)

    return routed


for _name in vars(Syscalls):
    if not _name.startswith("_") and _name not in vars(Donated) and (_method := _routes(_name)) is not None:
        setattr(Donated, _name, _method)
