# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Progress of a run as it goes: a live line on a terminal, plain lines at intervals elsewhere.

Failures are shown at once: the first few as whole cards, the others as one line each.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from conformance.clauses import Clause
from conformance.events import Batch, Delta, Divergence, Event, Footer, Header, Miniature, Note, Occurrence
from conformance.reporting.card import card_text
from conformance.reporting.run import EXPECTED_VERDICTS, Bucket
from conformance.reporting.text import clipped, compact, counted, duration, number, printable

_CARDS_SHOWN_MAX = 5
_PLAIN_INTERVAL_SECONDS = 10.0
_REFRESHES_PER_SECOND = 4.0
_PLAIN_COLUMNS = 110


class Progress:
    """Shows the events of a run while they come.

    ``budget_seconds`` or ``budget_ops`` give the time left; without them it is not shown.
    ``output`` is where to write (standard error by default); a terminal gets a live display, anything else plain lines.
    ``clock`` gives seconds, for tests.
    """

    def __init__(
        self,
        clauses: Mapping[str, Clause],
        *,
        budget_seconds: float | None = None,
        budget_ops: int | None = None,
        output: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the display."""
        self._clauses = clauses
        self._budget_seconds = budget_seconds
        self._budget_ops = budget_ops
        self._clock = clock
        self._started = self._last_line = clock()
        self._header: Header | None = None
        self._kinds: Counter[str] = Counter()
        self._programs = self._ops = 0
        self._buckets: dict[str, str] = {}
        self._met: Counter[str] = Counter()
        self._console = Console(file=output or sys.stderr, highlight=False, markup=False, emoji=False)
        self._live = (
            Live(
                console=self._console,
                get_renderable=self._panel,
                refresh_per_second=_REFRESHES_PER_SECOND,
                transient=True,
            )
            if self._console.is_terminal
            else None
        )
        if self._live:
            self._live.start()

    def __enter__(self) -> Progress:
        """The display, started."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the display."""
        self.close()

    def close(self) -> None:
        """End the display. A second call does nothing."""
        if self._live:
            self._live.stop()
            self._live = None

    def update(self, event: Event) -> None:
        """Take one event of the run."""
        match event:
            case Header():
                self._header = event
                self._say(f"{event.law}: {', '.join(event.kinds)}; seed {event.seed}; budget {event.budget}", "dim")
            case Batch():
                self._kinds[event.kind] += event.programs
                self._programs += event.programs
                self._ops += event.ops
            case Divergence():
                self._diverged(event)
            case Occurrence():
                self._met[self._buckets.get(event.bucket, "")] += 1
            case Miniature():
                self._miniature(event)
            case Note():
                # The first line may be cut, the command below it that mends what is wrong must not.
                line, _, more = event.text.partition("\n")
                self._say(f"{event.level}: {line}", "" if event.level == "info" else "yellow")
                if more:
                    self._print(printable(more), "")
            case Delta() | Footer():
                return
        self._plain_progress()

    @property
    def _elapsed(self) -> float:
        return self._clock() - self._started

    @property
    def _failing(self) -> int:
        """Buckets that nobody expected."""
        return sum(verdict not in EXPECTED_VERDICTS for verdict in self._buckets.values())

    @property
    def _divergences(self) -> int:
        """Programs that diverged as nobody expected."""
        return sum(count for verdict, count in self._met.items() if verdict not in EXPECTED_VERDICTS)

    def _diverged(self, event: Divergence) -> None:
        self._met[event.verdict] += 1
        if event.bucket in self._buckets:
            return
        self._buckets[event.bucket] = event.verdict
        if event.verdict in EXPECTED_VERDICTS:
            return
        if self._failing > _CARDS_SHOWN_MAX or self._header is None:
            self._say(f"{event.verdict.upper()}  {event.bucket}  {event.title}", "red")
        else:
            self._say(card_text(Bucket(event, 1), self._header, self._clauses), "red", whole=True)

    def _miniature(self, event: Miniature) -> None:
        if event.passed:
            after = counted(event.found_after_programs or 0, "program")
            reduced = f"reduced to {event.reduced_ops} ops (minimum {event.minimum_ops})"
            self._say(f"found  {event.name} after {after}, {reduced}", "")
        else:
            self._say(f"MISSED {event.name}: {event.what}", "red")

    def _say(self, text: str, style: str, *, whole: bool = False) -> None:
        """Print above the live display. Of a whole card only the first line is coloured."""
        if not whole:
            self._print(clipped(printable(text), 2 * _PLAIN_COLUMNS), style)
            return
        first, _, rest = text.partition("\n")
        self._print(first, f"bold {style}")
        self._print(rest, "")

    def _print(self, text: str, style: str) -> None:
        """Print lines as they are: commands stay whole when they are copied, while the live display still wraps."""
        # In a group, because rich joins bare texts into one that has lost its "no wrap".
        self._console.print(Group(Text(text, style, no_wrap=True, overflow="ignore")), crop=False)

    def _plain_progress(self) -> None:
        if self._live is None and self._clock() - self._last_line >= _PLAIN_INTERVAL_SECONDS:
            self._last_line = self._clock()
            self._say(self._status(), "")

    def _status(self) -> str:
        parts = [duration(self._elapsed), counted(self._programs, "program"), counted(self._ops, "op")]
        if self._elapsed > 0:
            parts.append(f"{compact(round(self._ops / self._elapsed))} ops/s")
        parts.append(counted(self._divergences, "divergence"))
        parts += [f"{self._met[verdict]} {verdict}" for verdict in EXPECTED_VERDICTS if self._met[verdict]]
        left = self._seconds_left()
        if left is not None:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)

    def _seconds_left(self) -> float | None:
        if self._budget_seconds is not None:
            return max(self._budget_seconds - self._elapsed, 0.0)
        if self._budget_ops is not None and self._ops:
            return max(self._budget_ops - self._ops, 0) * self._elapsed / self._ops
        return None

    def _done(self) -> float | None:
        if self._budget_seconds:
            return min(self._elapsed / self._budget_seconds, 1.0)
        return min(self._ops / self._budget_ops, 1.0) if self._budget_ops else None

    def _panel(self) -> RenderableType:
        """The live display: a bar, the figures, and programs per kind."""
        table = Table.grid(padding=(0, 2))
        done = self._done()
        style = "red" if self._divergences else "green"
        if done is not None:
            table.add_row(ProgressBar(total=1.0, completed=done, width=24, complete_style=style), Text(self._status()))
        else:
            table.add_row(Text(self._status()))
        kinds = "  ".join(f"{printable(kind)} {number(count)}" for kind, count in self._kinds.items())
        found = Text(f"{counted(self._failing, 'bucket')}  ", style if self._failing else "dim")
        return Group(table, found.append(kinds, "dim"))
