"""A real browser for the page's tests: Debian's headless Chromium.

`TICKETLAB_CHROMIUM` and `TICKETLAB_CHROMEDRIVER` name other ones. A browser that is not there is an error, not a skip.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

DEADLINE = 30.0
"""Seconds; guards against hanging."""

_AXE = Path(__file__).parent / "vendor" / "axe.min.js"

_FLAGS = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "disable-dev-shm-usage",
    "force-color-profile=srgb",
)


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Yield a browser, and close it."""
    with TemporaryDirectory(prefix="ticketlab-chromium-", ignore_cleanup_errors=True) as profile:
        options = Options()
        options.binary_location = os.environ.get("TICKETLAB_CHROMIUM", "/usr/bin/chromium")
        for flag in (*_FLAGS, f"user-data-dir={profile}", "window-size=1400,1000"):
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = os.environ.get("TICKETLAB_CHROMEDRIVER", "/usr/bin/chromedriver")
        browser = webdriver.Chrome(options=options, service=Service(driver))
        try:
            browser.get("about:blank")  # the new tab's page makes requests of its own
            requests(browser)
            yield browser
        finally:
            browser.quit()


def open_page(browser: webdriver.Chrome, path: Path, *, width: int = 1400, scheme: str = "light") -> None:
    """Open a file at a width and in a colour scheme, and wait until its timeline, where it has one, is drawn."""
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    browser.get(path.as_uri())
    drawn = "const t = document.querySelector('#timeline'); return !t || 'from' in t.dataset"
    until(browser, drawn)


def until(browser: webdriver.Chrome, script: str, *arguments: Any) -> Any:
    """Wait until a script returns something true, and return that."""
    return WebDriverWait(browser, DEADLINE, 0.02).until(lambda each: each.execute_script(script, *arguments))


def complaints(browser: webdriver.Chrome) -> list[str]:
    """Return what the console was told since the last call."""
    return [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]


def requests(browser: webdriver.Chrome) -> list[str]:
    """Return the addresses of all requests since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    return [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]


def assert_it_fits_and_axe_finds_nothing(browser: webdriver.Chrome, width: int) -> None:
    """Open all that can be opened on a page; nothing makes it wider than its window, and all can be used by all.

    On a phone `innerWidth` is no measure: the window grows with what it shows.
    """
    browser.execute_script("document.querySelector('.cell')?.click()")
    browser.execute_script("document.querySelector('.interleaving [data-step=mark]')?.click()")
    browser.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_script(_AXE.read_text(encoding="utf-8"))
    # As text, since axe quotes pieces of the page that may end in half a character.
    found = json.loads(browser.execute_async_script("axe.run().then((found) => arguments[0](JSON.stringify(found)))"))
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert len(found["passes"]) > 20


def assert_no_verdict_is_cut(browser: webdriver.Chrome, width: int) -> None:
    """Every cell that says something ends within the window, and shows all that it says."""
    cut = (
        "[...document.querySelectorAll('.cell, .comparison td, .opens, .steps td')].filter((each) => each.offsetParent)"
    )
    ends = f"return {cut}.map((each) => each.getBoundingClientRect().right)"
    assert all(end <= width for end in browser.execute_script(ends))
    inside = f"return {cut}.every((each) => each.scrollWidth <= each.clientWidth + 1)"
    assert browser.execute_script(inside)
