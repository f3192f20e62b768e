"""The numbers that one process draws: from a seed, and so the same in each execution."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Final

_KEPT: Final = 4096  # bytes


class Chance:
    """Draws bytes, the same for the same seed.

    The first ones are kept from one execution to the next: most processes draw once, and a generator takes longer to
    make than to use.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._first = 0  # how many bytes were drawn from those that are kept
        self._random: Random | None = None

    def draw(self, count: int) -> bytes:
        """Return so many bytes."""
        if not self._first and self._random is None and count <= _KEPT:
            self._first = count
            return _first(self._seed, count)
        if self._random is None:
            self._random = Random(self._seed)
            self._random.randbytes(self._first)
        return self._random.randbytes(count)


@lru_cache(maxsize=64)
def _first(seed: str, count: int) -> bytes:
    return Random(seed).randbytes(count)
