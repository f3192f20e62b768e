"""Random numbers that any process can draw, by place instead of in turn, so that no generator need be shared."""

from __future__ import annotations

WORD = 1 << 32
_MASK = WORD - 1


def draw(seed: int, place: int) -> int:
    """Return a number below 2**32 that depends on the seed and the place alone.

    The finalizer is lowbias32 of Chris Wellons' hash prospector, over a Weyl sequence.
    """
    x = (seed + place * 0x9E3779B9) & _MASK
    x = ((x ^ x >> 16) * 0x21F0AAAD) & _MASK
    x = ((x ^ x >> 15) * 0xD35A2D97) & _MASK
    return x ^ x >> 15
