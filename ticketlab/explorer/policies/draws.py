"""Random numbers by place instead of in turn: any process can draw one, and no generator need be shared."""

from __future__ import annotations

WORD = 1 << 32
_MASK = WORD - 1


def draw(seed: int, place: int) -> int:
    """Return a number from 0 to 2**32 - 1 that depends on the seed and the place alone.

    The finalizer is lowbias32 of Chris Wellons' hash prospector, over a Weyl sequence.
    """
    x = (seed + place * 0x9E3779B9) & _MASK
    x = ((x ^ x >> 16) * 0x21F0AAAD) & _MASK
    x = ((x ^ x >> 15) * 0xD35A2D97) & _MASK
    return x ^ x >> 15
