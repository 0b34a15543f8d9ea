# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the host model's clauses."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from markdown_it import MarkdownIt

from conformance.commands.listing import command
from conformance.host_clauses import HostClause, Shows, load_host_clauses
from conformance.reporting.specification import specification_text

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "host-model.md"
COMMAND = "fdconform list host-clauses --format markdown > docs/reference/host-model.md"
CLAUSE = HostClause(
    *("SEEK-5", "seek", "Past 2**63 - 1 or `2**63`, EOVERFLOW.", ("R", "C"), "model", "seed: Seek", "quirk", "ran"),
    linux="EINVAL.",
    effect="state",
    shows=(Shows(("lseek",), "EOVERFLOW", "EINVAL"), Shows(("read", "readv"), "ok", "ok", ("length", "data"))),
)


def test_the_page_shows_the_clauses_that_we_have() -> None:
    page = CliRunner().invoke(command, ["host-clauses", "--format", "markdown"]).stdout

    assert page == PAGE.read_text(encoding="utf-8"), f"the page has fallen behind the clauses; mend: {COMMAND}"


def test_an_entry_tells_all_of_its_clause() -> None:
    page = specification_text({"SEEK-5": CLAUSE}, {"SEEK-5": "lseek(r1, 1, SEEK_CUR) == 1\n"})

    assert page.partition("## Positions\n")[2] == (
        "\n### SEEK-5\n\n"
        "Past 2\\*\\*63 - 1 or `2**63`, EOVERFLOW.\n\n"
        "- quirk, and later calls see it (Linux was asked)\n"
        "- Linux: EINVAL.\n"
        "- `R`, `C`; model; seed: Seek\n"
        "- `lseek`: `EOVERFLOW`, on Linux `EINVAL`\n"
        "- `read`, `readv`: another length, data\n"
        "\n```text\nlseek(r1, 1, SEEK_CUR) == 1\n```\n"
    )


def test_an_entry_says_why_no_program_can_tell() -> None:
    clause = HostClause(
        *("A-1", "save", "A rule.", ("*",), "api", "seed: Save", "api", "source"), unobservable="Nobody asks."
    )

    assert "- no program can tell: Nobody asks.\n" in specification_text({"A-1": clause}, {})


def test_sections_without_clauses_are_left_out_and_relations_counted() -> None:
    page = specification_text({"SEEK-5": CLAUSE}, {})

    assert page.count("\n## ") == 1
    assert "| quirk | 1 |" in page
    assert "```" not in page


def test_prose_is_not_taken_for_markup() -> None:
    html = MarkdownIt("commonmark").enable("table").render(specification_text(load_host_clauses(), {}))

    assert "<em>" not in html
    assert "<strong>" not in html
    assert "<a " not in html
    assert html.count("<h3>") == len(load_host_clauses())
