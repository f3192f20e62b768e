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
