# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A real browser for the HTML report: headless Chromium, driven through chromedriver.

Without Chromium these tests fail, so that nobody takes their absence for success;
where there can be no browser, set FDCONFORM_NO_BROWSER.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from conformance.clauses import Clause
from conformance.events import Event
from conformance.reporting.html import html_text
from conformance.reporting.run import fold

NO_BROWSER = "FDCONFORM_NO_BROWSER"
WAIT_SECONDS = 10
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
)


@pytest.fixture(autouse=True)
def _with_a_browser() -> None:
    if os.environ.get(NO_BROWSER):
        pytest.skip(f"{NO_BROWSER} is set")


def program(names: tuple[str, ...], package: str) -> str:
    """The path of the first of these programs; fails with the name of the package that brings it."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.fail(f"{names[0]} is missing: install the package {package} (Debian, Ubuntu), or set {NO_BROWSER}=1")
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = program(("chromium", "chromium-browser", "google-chrome"), "chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(program(("chromedriver",), "chromium-driver")))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """A report that is open in the browser."""

    def __init__(self, browser: Chrome, path: Path) -> None:
        self.browser = browser
        self.path = path
        self.complaints()
        browser.get(path.as_uri())

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def wait_all(self, selector: str, count: int) -> list[WebElement]:
        WebDriverWait(self.browser, WAIT_SECONDS).until(lambda _: len(self.all(selector)) == count, selector)
        return self.all(selector)

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def script(self, text: str) -> object:
        return self.browser.execute_script(f"return {text}")

    def choose(self, form: str, name: str, value: str) -> None:
        """Pick the option of a filter by its value."""
        options = Select(self.one(f'form[data-filters="{form}"] [name="{name}"]')).options
        next(option for option in options if option.get_attribute("value") == value).click()

    def buckets(self) -> list[str]:
        shown = "[...document.querySelectorAll('details.bucket:not([hidden])')].map((row) => row.id)"
        found = self.script(shown)
        assert isinstance(found, list)
        return found

    def told(self, form: str) -> str:
        return self.one(f'form[data-filters="{form}"] output').text

    def wait_told(self, form: str, text: str) -> None:
        WebDriverWait(self.browser, WAIT_SECONDS).until(
            lambda _: self.told(form) == text, f"{self.told(form)} != {text}"
        )

    def fragment(self) -> str:
        return str(self.script("location.hash"))

    def clipboard(self) -> str:
        read = "navigator.clipboard.readText().then(arguments[0], (error) => arguments[0]('failed: ' + error))"
        return str(self.browser.execute_async_script(read))

    def complaints(self) -> list[object]:
        entries = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry for entry in entries if entry["level"] in ("SEVERE", "WARNING")]


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Chrome, tmp_path: Path, clauses: Mapping[str, Clause]) -> Iterator[OpenPage]:
    """Renders events and opens the page, with the media that are asked for; no complaint may be left at the end."""
    opened: list[Page] = []

    def open_(
        events: tuple[Event, ...],
        *,
        scheme: str = "light",
        width: int = 1280,
        media: str = "",
        written: Mapping[str, Clause] = clauses,
    ) -> Page:
        path = tmp_path / "report.html"
        path.write_text(html_text(fold(events), written), encoding="utf-8")
        metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        opened.append(Page(browser, path))
        return opened[-1]

    yield open_
    for page in opened:
        assert page.complaints() == []
