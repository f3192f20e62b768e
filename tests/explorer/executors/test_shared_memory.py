"""Memory that processes share is given out in pieces that never overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ticketlab.explorer.executors.shared_memory import BLOCK, SMALL, SharedMemory


@given(st.lists(st.integers(0, SMALL + 9) | st.sampled_from([0, 1, SMALL, SMALL + 1, BLOCK]), max_size=40))
def test_pieces_are_zero_and_never_overlap(sizes: list[int]) -> None:
    memory = SharedMemory()
    pieces = [memory.bytes(size) for size in sizes]
    for number, (piece, size) in enumerate(zip(pieces, sizes, strict=True), 1):
        assert bytes(piece) == bytes(size)
        piece[:] = bytes([number]) * size
    assert [bytes(piece) for piece in pieces] == [bytes([number]) * size for number, size in enumerate(sizes, 1)]
