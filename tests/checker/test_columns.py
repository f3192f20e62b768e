"""Histories in columns: every time that fits into 64 bits is a time, and only a missing one says "never"."""

from __future__ import annotations

import pytest

from ticketlab.checker import MalformedHistory, cas_register, check
from ticketlab.checker.columns import LATEST_TIME, Columns
from ticketlab.core.history import History, Operation


def read(result: int | None, begin: int, end: int | None) -> Operation:
    return Operation(1, "read", None, result, begin, end)


@pytest.mark.parametrize("end", [1, LATEST_TIME - 1, LATEST_TIME])
def test_an_answer_at_the_latest_time_is_an_answer(end: int) -> None:
    assert check(History({}, (read(7, 0, end),)), cas_register()).valid is False
    assert check(History({}, (read(7, end, end),)), cas_register()).valid is False
    assert check(History({}, (read(None, 0, end),)), cas_register()).valid is True
    assert Columns.of(History({}, (read(7, 0, end),))).operation(0).return_ns == end


def test_no_answer_is_none_even_if_it_was_asked_for_at_the_latest_time() -> None:
    columns = Columns.of(History({}, (read(None, LATEST_TIME, None),)))
    assert (columns.operation(0).return_ns, columns.unanswered(0)) == (None, True)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (read(0, -1, 1), "operation 0: invoke_ns is -1, a negative time"),
        (read(0, LATEST_TIME + 1, LATEST_TIME + 2), f"invoke_ns is {LATEST_TIME + 1}, later than 64 bits can count"),
        (read(None, LATEST_TIME + 1, None), f"invoke_ns is {LATEST_TIME + 1}, later than 64 bits can count"),
        (read(0, 0, LATEST_TIME + 1), f"return_ns is {LATEST_TIME + 1}, later than 64 bits can count"),
        (read(0, 0, 2 * LATEST_TIME + 1), f"return_ns is {2 * LATEST_TIME + 1}, later than 64 bits can count"),
        (read(0, 2, 1), "operation 0: return_ns is 1, before its invocation at 2"),
        (read(0, 0, None), "operation 0: result is 0, but the operation never returned: null is needed"),
    ],
)
def test_impossible_times_are_refused(operation: Operation, message: str) -> None:
    with pytest.raises(MalformedHistory, match=message):
        Columns.of(History({}, (operation,)))
