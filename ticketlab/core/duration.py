"""Lengths of time as people write them: a number with its unit, `20ms`, `1.5s`, `2h`."""

from __future__ import annotations

import re
from typing import Final

SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
UNITS: Final = "us, ms, s, m or h"
_FORM: Final = re.compile(rf"(-?\d+(?:\.\d+)?)({'|'.join(SECONDS)})", re.ASCII)


def parse_seconds(text: str) -> float | None:
    """Return how many seconds a text stands for, or None if it is no number with a unit."""
    found = _FORM.fullmatch(text)
    return float(found[1]) * SECONDS[found[2]] if found else None
