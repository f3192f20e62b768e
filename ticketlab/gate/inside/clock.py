"""Sleep: for exactly so long, where the kernel is told the moment at which it ends, which nobody can repeat."""

from __future__ import annotations

import time

from .telling import is_quiet, tell, wraps


def patch() -> None:
    """Have sleep tell how long it lasts."""
    sleep = time.sleep

    @wraps(sleep)
    def sleep_told(seconds: float, /) -> None:
        if type(seconds) not in (int, float) or not 0 <= seconds < 1e9 or is_quiet() or not tell("sleep", seconds):
            sleep(seconds)

    time.sleep = sleep_told
