"""Errors of a participant come to the leading process whole or cut short, and each once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ticketlab.explorer.executors.control_block import ControlBlock
from ticketlab.explorer.executors.shared_memory import SharedMemory


@given(st.text())
def test_an_error_is_told_once_whatever_it_says(text: str) -> None:
    control = ControlBlock(SharedMemory(), rows=1, size=1)
    control.report(RuntimeError(text + "ü" * 9_000))
    told = control.error()
    assert told is not None
    assert told.startswith(f"RuntimeError: {text}ü")
    assert control.error() is None


def test_an_error_may_even_say_what_no_file_could_hold() -> None:
    control = ControlBlock(SharedMemory(), rows=1, size=1)
    control.report(RuntimeError("name \udc80"))
    assert control.error() == "RuntimeError: name ?"
