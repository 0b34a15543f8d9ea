# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The HTML report as text; what a browser makes of it is tested beside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from conformance.clauses import Clause
from conformance.errors import ConformanceError
from conformance.events import Delta, DeltaRow, Divergence, Event, Footer, Header, Note
from conformance.reporting.artefacts import write_artefacts
from conformance.reporting.charts import bars, curve, slices
from conformance.reporting.html import html_text
from conformance.reporting.run import Pace, fold

VOID = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta"))


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects ids and addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "data", "poster")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("events", ["red", "green", "cut", "selfcheck"])
def test_every_element_is_closed_and_every_id_is_unique(
    events: str,
    red: tuple[Event, ...],
    green: tuple[Event, ...],
    header: Header,
    footer: Footer,
    clauses: Mapping[str, Clause],
) -> None:
    selfcheck = (header, *red[7:9], msgspec.structs.replace(footer, programs=0, ops=0))
    log = {"red": red, "green": green, "cut": red[:-1], "selfcheck": selfcheck}[events]
    outline = Outline(html_text(fold(log), clauses))
    assert len(outline.ids) == len(set(outline.ids))


def test_the_page_asks_for_nothing_outside_itself(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    page = html_text(fold(red), clauses)
    assert all(address.startswith("#") or address == "data:," for address in Outline(page).addresses)
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_links_inside_the_page_lead_somewhere(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    outline = Outline(html_text(fold(red), clauses))
    targets = {address[1:].partition("&")[0] for address in outline.addresses if address.startswith("#")}
    assert targets <= set(outline.ids)


def test_what_comes_from_programs_is_escaped(red: tuple[Event, ...], epipe: Divergence, header: Header) -> None:
    nasty = "</script><script>alert(1)</script>\"'&\x00\x1b"
    names = ("bucket", "title", "kind", "op", "seed", "program", "reduced", "trace", "predicted", "observed", "replay")
    divergence = msgspec.structs.replace(epipe, **dict.fromkeys(names, nasty), step=0, clauses=(nasty,))
    head = msgspec.structs.replace(header, command=nasty, environment={nasty: nasty})
    page = html_text(fold((head, divergence, Note("warning", nasty))), {nasty: Clause(nasty, nasty, "linux", nasty)})
    assert page.count("<script>") == 1
    assert "<script>alert" not in page
    assert "\x00" not in page
    assert "\x1b" not in page


def test_ops_that_were_not_reached_are_seen(green: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    page = html_text(fold(green), clauses)
    assert re.search(
        r'data-reached="no" data-ok="no"><th scope="row"><code>fcntl\(F_SETPIPE_SZ\)</code>.*not reached', page
    )


def test_clauses_that_explain_differences_are_counted_with_the_shortest_program(
    apart: tuple[Event, ...], apart_clauses: Mapping[str, Clause]
) -> None:
    page = html_text(fold(apart), apart_clauses)
    section = page.partition('id="differences"')[2].partition("</section>")[0]
    rows = re.findall(r'<tr data-reached="(\w+)" data-relation="(\w+)">.*?<code>(.+?)</code>', section)

    assert [("yes", "quirk", "SEEK-05"), ("no", "intended", "WR-02")] == rows
    assert '<td class="num">8</td><td class="num"></td><td class="num">1</td>' in section
    assert "7/host-files/2/9 (8 ops)" in section
    assert Outline(page).open == []


def test_a_run_of_another_law_has_no_such_clauses(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    assert 'id="differences"' not in html_text(fold(red), clauses)


def test_a_run_cut_short_says_so_at_the_top(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    page = html_text(fold(red[:-1]), clauses)
    assert '<header class="verdict red cut">' in page
    assert "<h1>Cut short</h1>" in page


def test_a_selfcheck_shows_its_planted_bugs_only(red: tuple[Event, ...], header: Header, footer: Footer) -> None:
    page = html_text(fold((header, *red[7:9], msgspec.structs.replace(footer, programs=0, ops=0))), {})
    assert 'id="selfcheck"' in page
    assert 'id="operations"' not in page


def test_the_same_events_give_the_same_page(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    assert html_text(fold(red), clauses) == html_text(fold(red), clauses)


def test_artefacts_are_written_beside_each_other(
    tmp_path: Path, red: tuple[Event, ...], clauses: Mapping[str, Clause]
) -> None:
    paths = write_artefacts(fold(red), clauses, tmp_path)
    names = "report.html summary.md junit.xml results.ktap ctrf.json results.sarif badge.svg badge.json digest.json"
    assert [path.name for path in paths] == names.split()
    assert all(path.stat().st_size for path in paths)


def test_a_directory_that_is_not_there_is_one_clear_error(tmp_path: Path, green: tuple[Event, ...]) -> None:
    with pytest.raises(ConformanceError, match="the report cannot be written"):
        write_artefacts(fold(green), {}, tmp_path / "missing")


def test_bars_are_relative_to_the_longest() -> None:
    assert [(bar.label, bar.length) for bar in bars([("a", 50), ("b", 200)], 250)] == [("a", 25.0), ("b", 100.0)]


def test_bars_beyond_the_fourteenth_are_one_line() -> None:
    last = bars([(str(place), 10) for place in range(20)], 200)[-1]
    assert (last.label, last.length, last.value) == ("6 more", 0.0, "60")


def test_slices_fill_the_bar() -> None:
    made = slices([("ok", 1), ("error", 0), ("signal", 3)])
    assert [(part.label, part.start, part.length) for part in made] == [("ok", 0.0, 25.0), ("signal", 25.0, 75.0)]


def test_a_curve_needs_two_batches_and_has_a_limit() -> None:
    assert curve([Pace(10, 1.0)]) is None
    long = curve([Pace(10, 1.0)] * 1000)
    assert long is not None
    assert len(long.points.split()) <= 120


def test_what_changed_since_a_baseline_comes_before_the_divergences(red: tuple[Event, ...]) -> None:
    rows = (
        DeltaRow("new", "B-7f3a0001", "write on pipe.write", news=True),
        DeltaRow("fixed", "B-00000001", "close on pipe.read", was="B-2", detail="its program conforms"),
    )
    page = html_text(fold((*red[:-1], Delta("main", (("kernel", "6.11", ""),), rows), red[-1])), {})
    section = page.partition('<section id="delta"')[2].partition('<section id="divergences">')[0]

    assert page.index('<section id="delta"') < page.index('<section aria-label="The run">')
    assert "Since main" in section
    assert "6.11 → not told" in section
    assert '<span class="missing">new</span></th><td class="source"><a href="#B-7f3a0001">' in section
    assert "<code>B-00000001</code> <small>was B-2</small>" in section
    assert "Changes <b>1</b>" in page
    assert Outline(page).open == []
