"""The browser in which pages are tried, one for each module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    from tests.report.browser import chromium

    with chromium() as found:
        yield found
