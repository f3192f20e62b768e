"""A hundred interrupts and fifty kills over all commands: the right exit code, no traceback, nothing left."""

from __future__ import annotations

from tests.soak.interrupts import soak


def test_a_hundred_interrupts_and_fifty_kills_leave_nothing() -> None:
    assert soak(interrupts=100, kills=50, seed=0, jobs=2).troubles == []
