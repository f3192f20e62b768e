"""When Python looks for objects that refer to each other in circles and that nobody else refers to."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Have Python not look for such objects meanwhile: in what makes many that soon go by themselves it finds none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
