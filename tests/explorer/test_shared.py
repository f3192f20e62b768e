"""Memory that processes share: pieces of their own, and errors that come through whole or cut, but come through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ticketlab.explorer.executors.control_block import ControlBlock
from ticketlab.explorer.executors.shared_memory import BLOCK, SMALL, SharedMemory


@given(st.lists(st.integers(0, SMALL + 9) | st.sampled_from([0, 1, SMALL, SMALL + 1, BLOCK]), max_size=40))
def test_pieces_are_zero_and_never_overlap(sizes: list[int]) -> None:
    memory = SharedMemory()
    pieces = [memory.bytes(size) for size in sizes]
    for number, (piece, size) in enumerate(zip(pieces, sizes, strict=True), 1):
        assert bytes(piece) == bytes(size)
        piece[:] = bytes([number]) * size
    assert [bytes(piece) for piece in pieces] == [bytes([number]) * size for number, size in enumerate(sizes, 1)]


@given(st.text())
def test_an_error_is_told_once_whatever_it_says(text: str) -> None:
    control = ControlBlock(SharedMemory(), rows=1, size=1)
    control.report(RuntimeError(text + "ü" * 9_000))
    told = control.trouble()
    assert told is not None
    assert told.startswith(f"RuntimeError: {text}ü")
    assert control.trouble() is None


def test_an_error_may_even_say_what_no_file_could_hold() -> None:
    control = ControlBlock(SharedMemory(), rows=1, size=1)
    control.report(RuntimeError("name \udc80"))
    assert control.trouble() == "RuntimeError: name ?"
