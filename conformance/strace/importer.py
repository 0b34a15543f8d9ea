# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""From a log to a program: every call that can be told becomes ops, and of every other the reader is told why not.

All processes of a log become one program, their calls in the order in which they ended: they share descriptors, and in
a program of its own nobody would be at the other end of a process's pipes. What ends a process ends its descriptors.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from conformance.domains.base import Slot
from conformance.errors import BadProgram
from conformance.ops import Op, spec_of
from conformance.program import Program
from conformance.strace.calls import HANDLERS, UNTOLD_CALLS
from conformance.strace.files import Files, Foreign, Untold
from conformance.strace.log import Call, End, Event, read_log
from conformance.strace.processes import Held, Processes
from conformance.strace.telling import HERE
from conformance.strace.values import Data, read_value

FORKS = frozenset(("fork", "vfork", "clone", "clone3"))
ENDS = frozenset(("exit", "exit_group"))
EXECS = frozenset(("execve", "execveat"))
MAKERS = frozenset(
    "open openat openat2 creat dup dup2 dup3 socket accept accept4 epoll_create epoll_create1 memfd_create signalfd"
    " signalfd4 eventfd eventfd2 timerfd_create inotify_init1 pidfd_open".split()
)
"""Calls that return a descriptor: where they cannot be told, the descriptor cannot either."""
TEXT_CHARACTERS_MAX = 90


@dataclass(frozen=True, slots=True)
class Untellable:
    """A call of the log that is not in the program: its line, its text, and why."""

    line: int
    text: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.text}: {self.why}"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a log. ``others`` counts calls that are not about descriptors, by name."""

    program: Program
    untellable: tuple[Untellable, ...]
    others: dict[str, int]


def others_text(others: dict[str, int]) -> str:
    """The calls that are not about descriptors, in one line."""
    counts = ", ".join(f"{name} {count}" for name, count in sorted(others.items()))
    return f"{sum(others.values())} calls that are not about descriptors: {counts}" if counts else ""


def import_log(text: str, source: str, start: str = "") -> Imported:
    """The program of a log. ``start`` is the directory that the log began in. BadLog for a text that is no log."""
    events = read_log(text, source)
    sizes: dict[str, int] = {}
    directories: set[str] = set()
    # What was there before, and how large, is told by what became of it later: the first pass is for that.
    _Importer(events, Files(start, {}, directories), sizes, directories).run()
    return _Importer(events, Files(start, sizes, directories), {}, set()).run()


def _parents(events: tuple[Event, ...]) -> dict[int, int]:
    """Who made whom."""
    return {
        event.result: event.process
        for event in events
        if isinstance(event, Call) and event.name in FORKS and event.result is not None and event.result > 0
    }


class _Importer:
    """One pass over a log, which learns the ``sizes`` of files, and which names are ``directories``."""

    call: Call

    def __init__(self, events: tuple[Event, ...], files: Files, sizes: dict[str, int], directories: set[str]) -> None:
        self._events = events
        self._files = files
        self._parents = _parents(events)
        self._processes = Processes(self._parents)
        self._before: list[Op] = []
        self._ops: list[Op] = []
        self._comments: list[tuple[int, str]] = []
        self._untellable: list[Untellable] = []
        self._others: Counter[str] = Counter()
        self._slots = self._mapping_slots = 0
        self._places: dict[Slot, str] = {}
        self._positions: Counter[Slot] = Counter()
        self._terminals: dict[int, Slot] = {}
        self._mappings: dict[tuple[int, int], Slot] = {}
        self._sizes = sizes
        self._directories = directories

    def run(self) -> Imported:
        """All of the log."""
        for event in self._events:
            parent = self._parents.get(event.process)
            if parent is not None:
                self._files.inherit(parent, event.process)
            if isinstance(event, End):
                self._ended(event.process)
            else:
                self._take(event)
        others = dict(self._others)
        first = len(self._before)
        head = [(0, f"# {line}") for line in textwrap.wrap(others_text(others), TEXT_CHARACTERS_MAX)]
        head += [(0, "# What was there before:"), (first, "# The log:")] if first else []
        comments = (*head, *((first + place, text) for place, text in self._comments))
        return Imported(Program((*self._before, *self._ops), comments), tuple(self._untellable), others)

    # One call ---------------------------------------------------------------------------------

    def _take(self, call: Call) -> None:
        self.call = call
        if call.name in FORKS:
            self._forked(call)
        elif call.name in EXECS and call.error == "" and call.result is not None:
            self._close(self._processes.executed(call.process))
        elif call.name in ENDS:
            self._ended(call.process)
        if call.name in HANDLERS:
            self._tell(call)
        elif call.name in UNTOLD_CALLS:
            self._leave_out("no op")
        else:
            self._others[call.name] += 1

    def _tell(self, call: Call) -> None:
        if call.result is None:
            self._leave_out("it did not come back")
            return
        if call.error == "EBADF":
            self._leave_out("of a descriptor that is not open")
            return
        told: list[Op] = []
        try:
            told.extend(map(_checked, HANDLERS[call.name](self, [read_value(text) for text in call.arguments])))
        except Foreign:
            self._others[call.name] += 1
        except (Untold, BadProgram) as reason:
            self._leave_out(reason.args[0])
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            self._leave_out("its arguments are not in the log in a form that is known")
        else:
            if call.error and told:
                self._comments.append((len(self._ops) + len(told) - 1, f"# strace: {call.error}"))
            self._ops += told
            self._learn(call, told)

    def _leave_out(self, why: str) -> None:
        call = self.call
        self._note(why)
        makes = call.name in MAKERS or "F_DUPFD" in call.text
        if makes and call.result is not None and not call.error:
            if (last := self._processes.let_go(call.process, call.result)) is not None:
                self._ops.append(Op("close", (last,)))
            self._processes.table(call.process)[call.result] = Held(
                None, why_not=f"made by {call.name} of line {call.line}"
            )

    def _note(self, why: str) -> None:
        call = self.call
        text = call.text if len(call.text) <= TEXT_CHARACTERS_MAX else f"{call.text[: TEXT_CHARACTERS_MAX - 1]}…"
        untellable = Untellable(call.line, text, why)
        self._untellable.append(untellable)
        self._comments.append((len(self._ops), f"# {untellable}"))

    def _learn(self, call: Call, told: list[Op]) -> None:
        """What the result says of files, terminals and mappings."""
        arguments = [read_value(text) for text in call.arguments]
        if call.error or call.result is None or not told:
            return
        op = told[-1]
        if op.call in ("fstat", "read", "pread", "lseek") and op.arguments[0] in self._places:
            self._measure(op, call, arguments)
        if op.call == "ioctl" and call.arguments[1] == "TIOCGPTN" and isinstance(arguments[2], list):
            self._terminals[arguments[2][0]] = op.arguments[0]
        if op.call == "mmap":
            self._mappings[call.process, call.result] = op.out[0]

    def _measure(self, op: Op, call: Call, arguments: list[Any]) -> None:
        assert call.result is not None
        slot, place = op.arguments[0], self._places[op.arguments[0]]
        size = 0
        if op.call == "fstat":
            told = next((value for value in arguments if isinstance(value, dict)), {})
            size = told.get("st_size", 0) if isinstance(told.get("st_size", 0), int) else 0
            if "S_IFDIR" in call.text:
                self._directories.add(place)
        elif op.call == "pread":
            size = op.arguments[2] + call.result
        else:
            self._positions[slot] = call.result if op.call == "lseek" else self._positions[slot] + call.result
            size = self._positions[slot] if op.call == "read" else 0
        self._sizes[place] = max(self._sizes.get(place, 0), size)

    # Processes --------------------------------------------------------------------------------

    def _forked(self, call: Call) -> None:
        if call.result is None or call.result <= 0:
            return
        if "CLONE_FILES" in call.text:
            self._processes.share(call.process, call.result)
        self._processes.table(call.result)
        self._files.inherit(call.process, call.result)

    def _ended(self, process: int) -> None:
        self._close(self._processes.ended(process))

    def _close(self, slots: Iterator[Slot]) -> None:
        self._ops += [Op("close", (slot,)) for slot in slots]

    # What handlers ask ------------------------------------------------------------------------

    def slot(self, fd: Any) -> Slot:
        """The slot of a descriptor."""
        if not isinstance(fd, int):
            raise Untold("which descriptor is not in the log")
        held = self._processes.table(self.call.process).get(fd)
        if held is None:
            raise Untold(f"descriptor {fd} was open before the log began")
        if held.slot is None:
            raise Untold(f"descriptor {fd} was {held.why_not}")
        return held.slot

    def keep(self, fd: int | None, *, closes: bool = False) -> Slot:
        """A new slot for what the call made."""
        slot = Slot(f"r{self._slots}")
        self._slots += 1
        if fd is not None and fd >= 0 and not self.call.error:
            self._processes.table(self.call.process)[fd] = Held(slot, closes)
        return slot

    def held(self, fd: Any) -> Slot | None:
        """The slot of what the call lets go, if nobody else holds it. Untold for what there is no slot of."""
        held = self._processes.table(self.call.process).get(fd)
        if self.call.name == "close" and (held is None or held.slot is None):
            self._processes.let_go(self.call.process, fd)
            raise Untold(f"descriptor {fd} was {held.why_not if held else 'open before the log began'}")
        return self._processes.let_go(self.call.process, fd)

    def closes_on_exec(self, fd: Any, closes: bool) -> None:
        """FD_CLOEXEC was set, or taken away."""
        table = self._processes.table(self.call.process)
        table[fd] = replace(table[fd], closes=closes)

    def path(self, value: Any, below: Any = HERE) -> str:
        """Where a path lies."""
        if not isinstance(value, Data) or value.cut:
            raise Untold("the path is not in the log")
        beneath = None if below == HERE or value.text.startswith("/") else self.place_of(below)
        return self._files.place(self.call.process, value.text, beneath)

    def there(self, place: str, *, directory: bool = False) -> None:
        """A name was there before."""
        if directory:
            self._before += map(_checked, self._files.directory(place))
            return
        slot = Slot(f"r{self._slots}")
        ops = list(map(_checked, self._files.file(place, slot)))
        self._slots += any(op.out for op in ops)
        self._before += ops

    def around(self, place: str) -> None:
        """The directories of a name were there before."""
        self._before += map(_checked, self._files.folders(place))

    def link_there(self, place: str, target: str) -> None:
        """A symbolic link was there before."""
        self._before += map(_checked, self._files.link(place, target))

    def made(self, place: str, *, gone: bool = False) -> None:
        """The call made a name, or removed it."""
        (self._files.gone if gone else self._files.made)(place)

    def terminal(self, number: int) -> Slot:
        """The master of a terminal."""
        if number not in self._terminals:
            raise Untold(f"the master of terminal {number} is not known from the log")
        return self._terminals[number]

    def opened(self, slot: Slot, place: str) -> None:
        """A slot is an open file of a name."""
        self._places[slot] = place

    def remark(self, why: str) -> None:
        """A part of the call is not told."""
        self._note(why)

    def moved_to(self, place: str) -> None:
        """The process changed its directory."""
        self._files.change(self.call.process, place)

    def place_of(self, fd: Any) -> str:
        """The name that a descriptor was opened by."""
        slot = self.slot(fd)
        if slot not in self._places:
            raise Untold("the directory is not known from the log")
        return self._places[slot]

    def mapped(self) -> Slot:
        """A new slot for a mapping."""
        self._mapping_slots += 1
        return Slot(f"m{self._mapping_slots - 1}")

    def mapping(self, address: Any) -> Slot:
        """The slot of a mapping."""
        key = (self.call.process, address)
        if key not in self._mappings:
            raise Foreign
        return self._mappings.pop(key)


def _checked(op: Op) -> Op:
    """The op, if every argument is one that programs may have. ValueError, BadProgram where it is not."""
    spec = spec_of(op)
    if len(spec.parameters) != len(op.arguments):
        raise Untold("not as many arguments as the op has")
    for parameter, value in zip(spec.parameters, op.arguments, strict=True):
        try:
            parameter.domain.check(value)
        except ValueError as error:
            raise Untold(str(error)) from None
    return op
