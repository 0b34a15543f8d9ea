# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The HTML report in a real browser: headless Chromium, driven through chromedriver.

The last test prints how long a large report takes; it asks that it is usable, and of no machine how fast it is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from conformance.clauses import Clause
from conformance.events import Divergence, Event, Header
from conformance.reproducers.case import case_of_divergence
from conformance.reproducers.prose import forms

if TYPE_CHECKING:
    from .conftest import OpenPage

MANY_BUCKETS = 2000
FILTER_TIMER = """
const output = document.querySelector('form[data-filters="bucket-list"] output');
const input = document.querySelector('form[data-filters="bucket-list"] [name="text"]');
input.addEventListener("input", () => { window.typed = performance.now(); });
const answered = () => { window.filterMs = performance.now() - window.typed; };
new MutationObserver(answered).observe(output, { childList: true });
"""
"""Takes the time from the last key to the answer; the pause that a search waits for more keys is part of it."""
WAIT_SECONDS = 10
pytestmark = pytest.mark.once


def test_the_report_opens_without_a_request(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    assert page.browser.title == "fdconform: diverges, 2026-11-23T11-30-00"
    assert page.one("h1").text == "Diverges"
    assert page.one("#totals").text == "125 passed, 5 failed"
    assert page.script("performance.getEntriesByType('resource').length") == 0


def test_buckets_are_filtered_by_kind_op_and_text(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    assert page.told("bucket-list") == "2 shown"
    Select(page.one('form[data-filters="bucket-list"] [name="kind"]')).select_by_visible_text("files")
    page.wait_told("bucket-list", "1 of 2 shown")
    assert page.buckets() == ["B-11c0ffee"]
    Select(page.one('form[data-filters="bucket-list"] [name="op"]')).select_by_visible_text("write")
    page.wait_told("bucket-list", "0 of 2 shown")
    for name in ("kind", "op"):
        Select(page.one(f'form[data-filters="bucket-list"] [name="{name}"]')).select_by_index(0)
    page.wait_told("bucket-list", "2 shown")
    page.one('form[data-filters="bucket-list"] [name="text"]').send_keys("sigpipe 7-41")
    page.wait_told("bucket-list", "1 of 2 shown")
    assert page.buckets() == ["B-7f3a0001"]


def test_ops_that_were_not_reached_can_be_picked_out(open_page: OpenPage, green: tuple[Event, ...]) -> None:
    page = open_page(green)
    Select(page.one('form[data-filters="matrix"] [name="reached"]')).select_by_value("no")
    page.wait_told("matrix", "3 of 7 shown")
    shown = [cell.text for cell in page.all(".matrix tbody tr:not(.group) th") if cell.is_displayed()]
    assert shown == ["close", "read", "fcntl(F_SETPIPE_SZ)"]


def test_clauses_are_filtered_by_level_and_by_whether_they_were_reached(
    open_page: OpenPage, green: tuple[Event, ...]
) -> None:
    page = open_page(green)
    Select(page.one('form[data-filters="clause-rows"] [name="level"]')).select_by_visible_text("posix")
    page.wait_told("clause-rows", "2 of 3 shown")
    Select(page.one('form[data-filters="clause-rows"] [name="reached"]')).select_by_value("no")
    page.wait_told("clause-rows", "1 of 3 shown")
    assert [row.text for row in page.all("#clause-rows th") if row.is_displayed()] == ["TTY-EOF"]


def test_clauses_whose_difference_was_not_seen_can_be_picked_out(
    open_page: OpenPage, apart: tuple[Event, ...], apart_clauses: Mapping[str, Clause]
) -> None:
    page = open_page(apart, written=apart_clauses)
    page.wait_told("difference-rows", "2 shown")
    Select(page.one('form[data-filters="difference-rows"] [name="reached"]')).select_by_value("no")
    page.wait_told("difference-rows", "1 of 2 shown")
    assert [row.text for row in page.all("#difference-rows th") if row.is_displayed()] == ["WR-02"]
    Select(page.one('form[data-filters="difference-rows"] [name="relation"]')).select_by_visible_text("quirk")
    page.wait_told("difference-rows", "0 of 2 shown")


def test_a_card_opens_from_the_keyboard(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    summary = page.one("#B-7f3a0001 > summary")
    assert not page.one("#B-7f3a0001 .program").is_displayed()
    summary.send_keys(Keys.ENTER)
    card = page.one("#B-7f3a0001 .card")
    assert card.is_displayed()
    assert page.one("#B-7f3a0001 .marked").text == '>>>write(r1, b"x") == 1'
    assert "A write to a pipe that nobody can read" in card.text


def test_every_control_can_be_reached_with_the_tab_key(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    reached = set()
    for _ in range(40):
        page.browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(page.script("document.activeElement.tagName + '.' + document.activeElement.className"))
    assert reached >= {"A.skip", "BUTTON.copy", "SELECT.", "INPUT.", "SUMMARY.", "DIV.scroll"}


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("Copy command", "fdconform replay reports/2026-11-23T11-30-00/B-7f3a0001.fd"),
        ("Copy program", '# what is left\nr0, r1 = pipe2(0)\nclose(r0)\nwrite(r1, b"x")\n'),
    ],
)
def test_copy_buttons_copy(open_page: OpenPage, red: tuple[Event, ...], label: str, text: str) -> None:
    page = open_page(red)
    page.browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    page.one("#B-7f3a0001 > summary").click()
    (button,) = (button for button in page.all("#B-7f3a0001 button.copy") if button.text == label)
    button.click()
    WebDriverWait(page.browser, WAIT_SECONDS).until(lambda _: button.text == "Copied", button.text)
    assert page.clipboard() == text
    WebDriverWait(page.browser, WAIT_SECONDS).until(lambda _: button.text == label, button.text)


def test_a_link_to_a_bucket_opens_it(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    page.browser.get(f"{page.path.as_uri()}#B-11c0ffee")
    assert page.one("#B-11c0ffee .card").is_displayed()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_follows_the_colour_scheme(
    open_page: OpenPage, red: tuple[Event, ...], scheme: str, dark: bool
) -> None:
    page = open_page(red, scheme=scheme)
    brightness = "getComputedStyle(document.body).{}.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    paper, ink = page.script(brightness.format("backgroundColor")), page.script(brightness.format("color"))
    assert isinstance(paper, int)
    assert isinstance(ink, int)
    assert (paper < ink) is dark


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_sticks_out_of_a_narrow_screen(open_page: OpenPage, red: tuple[Event, ...], width: int) -> None:
    page = open_page(red, width=width)
    page.script("document.querySelectorAll('details').forEach((row) => { row.open = true; })")
    wide = page.script("document.documentElement.scrollWidth")
    assert isinstance(wide, int)
    assert wide <= width


def test_a_run_cut_short_is_red_at_the_top(open_page: OpenPage, green: tuple[Event, ...]) -> None:
    page = open_page(green[:-1])
    assert page.one("h1").text == "Cut short"
    assert page.one("#totals").text == "128 passed, 1 failed"
    assert page.script("getComputedStyle(document.querySelector('header')).backgroundColor") == "rgb(168, 38, 29)"


def test_on_paper_the_cards_are_open_and_the_controls_gone(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red, media="print")
    page.script("dispatchEvent(new Event('beforeprint'))")
    assert page.one("#B-7f3a0001 .card").is_displayed()
    assert not page.one("nav").is_displayed()
    page.script("dispatchEvent(new Event('afterprint'))")
    assert page.one("#B-7f3a0001").get_attribute("open") is None


def test_bytes_of_programs_cannot_become_markup(open_page: OpenPage, red: tuple[Event, ...], epipe: Divergence) -> None:
    attack = '"\'><img src=x onerror="window.broken=1"><script>window.broken=1</script></pre></details>'
    names = ("title", "program", "reduced", "trace", "predicted", "observed", "replay", "op", "kind")
    page = open_page((*red[:2], msgspec.structs.replace(epipe, **dict.fromkeys(names, attack), step=0), red[-1]))
    assert page.script("window.broken") is None
    assert page.one(".bucket-title").text == attack
    assert page.all("main img") == []


def test_buckets_are_filtered_by_verdict_system_and_clause(
    open_page: OpenPage, red: tuple[Event, ...], epipe: Divergence
) -> None:
    waived = msgspec.structs.replace(epipe, bucket="B-3", verdict="waived", law="linux == gvisor", clauses=("A", "B"))
    page = open_page((*red[:-1], waived, red[-1]))
    for name, value, expected in (
        ("verdict", "waived", ["B-3"]),
        ("system", "gvisor", ["B-3"]),
        ("clause", "B", ["B-3"]),
        ("clause", "SEEK-LOST", ["B-11c0ffee"]),
    ):
        chosen = Select(page.one(f'form[data-filters="bucket-list"] [name="{name}"]'))
        chosen.select_by_visible_text(value)
        page.wait_told("bucket-list", "1 of 3 shown")
        assert page.buckets() == expected
        chosen.select_by_index(0)
        page.wait_told("bucket-list", "3 shown")


def test_an_address_keeps_what_is_chosen(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    Select(page.one('form[data-filters="bucket-list"] [name="kind"]')).select_by_visible_text("files")
    page.one('form[data-filters="bucket-list"] [name="text"]').send_keys("a & b=c %")
    page.wait_told("bucket-list", "0 of 2 shown")
    assert page.fragment() == "#bucket-list.kind=files&bucket-list.text=a%20%26%20b%3Dc%20%25"

    page.browser.get("about:blank")
    page.browser.get(f"{page.path.as_uri()}#B-11c0ffee&bucket-list.kind=files&clause-rows.level=posix")
    page.wait_told("bucket-list", "1 of 2 shown")
    page.wait_told("clause-rows", "2 of 3 shown")
    assert page.one("#B-11c0ffee .card").is_displayed()

    page.one('nav a[href="#clauses"]').click()
    WebDriverWait(page.browser, WAIT_SECONDS).until(lambda _: "clauses&" in page.fragment(), page.fragment())
    assert page.fragment() == "#clauses&bucket-list.kind=files&clause-rows.level=posix"
    page.wait_told("bucket-list", "1 of 2 shown")


def test_a_fragment_that_is_none_of_ours_does_no_harm(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    page.browser.get("about:blank")
    page.browser.get(f"{page.path.as_uri()}#%E0%A4%A&x=%&bucket-list.kind=nothing")
    page.wait_told("bucket-list", "2 shown")


def test_a_clause_leads_to_the_buckets_that_cite_it(open_page: OpenPage, red: tuple[Event, ...]) -> None:
    page = open_page(red)
    page.one("#clause-PIPE-EPIPE .standing a").click()
    page.wait_told("bucket-list", "1 of 2 shown")
    assert page.buckets() == ["B-7f3a0001"]


def test_an_open_card_has_its_reproducers_folded_and_ready_to_copy(
    open_page: OpenPage, red: tuple[Event, ...], epipe: Divergence, header: Header
) -> None:
    page = open_page(red)
    page.browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    page.one("#B-7f3a0001 > summary").click()
    rows = page.wait_all("#B-7f3a0001 .reproducer", 4)
    assert [row.get_attribute("data-form") for row in rows] == ["python", "c", "pytest", "issue"]
    assert not any(row.find_element(By.TAG_NAME, "pre").is_displayed() for row in rows)
    for row in rows:
        button = row.find_element(By.CSS_SELECTOR, "button.copy")
        button.click()
        WebDriverWait(page.browser, WAIT_SECONDS).until(lambda _, button=button: button.text == "Copied")
        form = row.get_attribute("data-form")
        assert form
        assert page.clipboard() == forms()[form](case_of_divergence(epipe, header))
        assert row.get_attribute("open") is None
    rows[1].find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    assert "int main(void)" in rows[1].find_element(By.TAG_NAME, "pre").text


def test_two_thousand_buckets_stay_usable(
    open_page: OpenPage, red: tuple[Event, ...], epipe: Divergence, capsys: pytest.CaptureFixture[str]
) -> None:
    found = (
        msgspec.structs.replace(
            epipe,
            bucket=f"B-{place:08x}",
            seed=f"s{place}",
            reduced=epipe.reduced.replace("x", f"{place}"),
            trace=epipe.trace.replace("x", f"{place}"),
        )
        for place in range(MANY_BUCKETS)
    )
    started = time.monotonic()
    page = open_page((*red[:2], *found, red[-1]))
    opened_s = time.monotonic() - started
    loaded_ms = page.script("performance.getEntriesByType('navigation')[0].loadEventEnd")
    page.browser.execute_script(FILTER_TIMER)
    page.one('form[data-filters="bucket-list"] [name="text"]').send_keys("s1234")
    page.wait_told("bucket-list", f"1 of {MANY_BUCKETS} shown")
    filtered_ms = page.script("Math.round(window.filterMs)")
    assert page.buckets() == ["B-000004d2"]
    page.one("#B-000004d2 > summary").click()
    page.wait_all("#B-000004d2 .reproducer", 4)
    with capsys.disabled():
        print(
            f"\n{MANY_BUCKETS} buckets: {page.path.stat().st_size / 1e6:.1f} MB,"
            f" rendered and opened in {opened_s:.1f} s,"
            f" loaded in {loaded_ms} ms, first search in {filtered_ms} ms"
        )
