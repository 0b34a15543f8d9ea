# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What changed since a baseline, in a real browser: first on the page, linked to the cards, filtered by each word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from conformance.events import DELTA_KINDS, Delta, DeltaRow, Divergence, Event

if TYPE_CHECKING:
    from .conftest import OpenPage, Page

WAIT_SECONDS = 10
FORM = "delta-rows"
pytestmark = pytest.mark.once

NEW, CHANGED, FLAKY, STILL = "B-7f3a0001", "B-11c0ffee", "B-f1a4f1a4", "B-57111111"
ROWS = (
    DeltaRow("new", NEW, "write on pipe.write: model EPIPE & SIGPIPE, native 1", news=True),
    DeltaRow("changed", CHANGED, "lseek on file: model EOVERFLOW, native EINVAL", "B-99ab3e10", "was lseek …", True),
    DeltaRow("flaky", FLAKY, "close on pipe.read: model EBADF, native 0", detail="2 of 3, known"),
    DeltaRow("fixed", "B-f1f1f1f1", "dup on file: model 4, native 5"),
    DeltaRow("still", STILL, "read on tty: model b'', native EIO"),
    DeltaRow("not reached", "B-00000000", "open: model ENOENT, native 3", detail="open never gave ENOENT"),
)
DELTA = Delta("main", (("kernel", "6.11", "6.18.44"), ("filesystem", "ext4", "")), ROWS)


@pytest.fixture
def log(red: tuple[Event, ...], epipe: Divergence) -> tuple[Event, ...]:
    """A run with a bucket for each word that a present bucket can have."""
    known = (
        msgspec.structs.replace(epipe, bucket=FLAKY, verdict="flaky", confirmed=(2, 3), op="close"),
        msgspec.structs.replace(epipe, bucket=STILL, verdict="known", op="read"),
    )
    return (*red[:-1], *known, DELTA, red[-1])


def shown(page: Page) -> list[str]:
    """The words of the rows that can be seen."""
    return [row.get_attribute("data-what") or "" for row in page.all("#delta-rows tr") if row.is_displayed()]


def test_what_changed_is_the_first_section_and_in_sight(open_page: OpenPage, log: tuple[Event, ...]) -> None:
    page = open_page(log)
    section = page.one("#delta")
    assert section.rect["y"] < page.one("#divergences").rect["y"]
    assert page.script("document.querySelector('main section').id") == "delta"
    assert section.rect["y"] + 200 < 1000
    told = "Since main: 1 new, 1 changed, 1 flaky, 1 fixed, 1 still, 1 not reached; environment changed"
    assert page.one(".since a").text.startswith(told)
    words = [word.text for word in page.all(".words li")]
    assert [word.partition(" ")[2].replace("changed signature", "changed") for word in words] == list(DELTA_KINDS)
    assert [word.partition(" ")[0] for word in words] == ["1", "1", "1", "0", "1", "1", "1"]
    environment = page.one(".changed-environment").text
    assert "6.11 → 6.18.44" in environment
    assert "ext4 → not told" in environment


@pytest.mark.parametrize("what", [row.what for row in ROWS])
def test_each_word_is_a_link_that_shows_its_buckets_alone(
    open_page: OpenPage, log: tuple[Event, ...], what: str
) -> None:
    page = open_page(log)
    assert shown(page) == [row.what for row in ROWS]
    page.one(f'a.word[data-what="{what}"]').send_keys(Keys.ENTER)
    page.wait_told(FORM, "1 of 6 shown")
    assert shown(page) == [what]
    assert page.one(f'form[data-filters="{FORM}"] [name="what"]').get_attribute("value") == what
    page.choose(FORM, "what", "")
    page.wait_told(FORM, "6 shown")


def test_changes_are_searched_as_text(open_page: OpenPage, log: tuple[Event, ...]) -> None:
    page = open_page(log)
    page.one(f'form[data-filters="{FORM}"] [name="text"]').send_keys("99ab3e10")
    page.wait_told(FORM, "1 of 6 shown")
    assert shown(page) == ["changed"]


def test_a_row_leads_to_the_card_of_its_bucket_even_where_a_filter_hides_it(
    open_page: OpenPage, log: tuple[Event, ...]
) -> None:
    page = open_page(log)
    page.choose("bucket-list", "kind", "files")
    page.wait_told("bucket-list", "1 of 4 shown")
    page.one(f'#delta-rows a[href="#{NEW}"]').send_keys(Keys.ENTER)
    card = page.one(f"#{NEW} .card")
    WebDriverWait(page.browser, WAIT_SECONDS).until(lambda _: card.is_displayed())
    links = [link.get_attribute("href") or "" for link in page.all("#delta-rows a")]
    assert [link.partition("#")[2] for link in links] == [NEW, CHANGED, FLAKY, STILL]


@pytest.mark.parametrize(("what", "bucket"), [("new", NEW), ("changed", CHANGED), ("flaky", FLAKY), ("still", STILL)])
def test_cards_are_filtered_by_what_changed(
    open_page: OpenPage, log: tuple[Event, ...], what: str, bucket: str
) -> None:
    page = open_page(log)
    page.choose("bucket-list", "delta", what)
    page.wait_told("bucket-list", "1 of 4 shown")
    assert page.buckets() == [bucket]
    assert page.fragment() == f"#bucket-list.delta={what}"
    assert what in page.one(f"#{bucket} .tags").text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_of_it_sticks_out_and_every_word_can_be_read(
    open_page: OpenPage, log: tuple[Event, ...], width: int, scheme: str
) -> None:
    page = open_page(log, width=width, scheme=scheme)
    wide = page.script("document.documentElement.scrollWidth")
    assert isinstance(wide, int)
    assert wide <= width
    for word in page.all(".words .word"):
        assert word.rect["x"] >= 0
        assert word.rect["x"] + word.rect["width"] <= width


def test_a_run_that_is_not_whole_says_first_that_nothing_is_decided(
    open_page: OpenPage, red: tuple[Event, ...]
) -> None:
    page = open_page((*red[:-1], Delta("main", (), (), ("This run: It was stopped.",)), red[-1]))
    assert page.one("#delta .missing").text == "Inconclusive: This run: It was stopped."
    assert page.one(".since a").text == "Inconclusive, since main: nothing new, no divergence then or now"
    assert page.one("#delta .quiet").text == "No divergence then or now."


def test_a_run_without_a_baseline_has_none_of_it(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    assert not page.all("#delta, .since, [name=delta]")
