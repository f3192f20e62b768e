"""Programs whose processes are forked from the one that starts them, whatever Python does if nobody asks."""

from __future__ import annotations

from typing import Final

_CHOSEN: Final = "import multiprocessing; multiprocessing.set_start_method('fork'); from multiprocessing import"


def forked(script: str) -> str:
    """Return a script that chooses fork, with each line where it was; since Python 3.14 a server forks otherwise."""
    return script.replace("from multiprocessing import", _CHOSEN, 1)
