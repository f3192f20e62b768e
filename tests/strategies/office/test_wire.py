"""The box office's wire: what is written is read back, and anything else is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Expired,
    Found,
    Held,
    Hold,
    Outcome,
    Request,
    Search,
    Sold,
    SoldOut,
)
from ticketlab.strategies.office.wire import format_answer, format_request, parse_answer, parse_request

number, text, seconds = st.integers(1, 9), st.text(max_size=5), st.floats(0.001, 1e9)
tickets = st.lists(number).map(tuple)
requests = st.one_of(
    st.builds(Buy, number, text, number),
    st.builds(Search, number, text),
    st.builds(Hold, number, text, number, seconds, text),
    st.builds(Confirm, number, text, text, st.just(0.0)),  # how long the buyer took is its own affair
    st.builds(Cancel, number, text, tickets, text),
)
outcomes = st.one_of(
    st.builds(Sold, tickets),
    st.just(SoldOut()),
    st.builds(Found, number),
    st.builds(Cancelled, tickets),
    st.builds(Held, text),
    st.just(Expired()),
)


@given(requests)
def test_requests_are_read_back(request: Request) -> None:
    assert parse_request(format_request(request)) == request
    assert type(parse_request(format_request(request))) is type(request)


@given(outcomes)
def test_outcomes_are_read_back(outcome: Outcome) -> None:
    again = parse_answer(format_answer(outcome))
    assert (type(again), again) == (type(outcome), outcome)


@pytest.mark.parametrize(
    "line",
    [
        ["hold", 1, "main", 0, 30, "1.1"],
        ["hold", 1, "main", 1, 0, "1.1"],
        ["hold", 1, "main", 1, float("inf"), "1.1"],
        ["hold", 1, "main", 1, float("nan"), "1.1"],
        ["hold", 1, "main", 1, 30, 7],
        ["hold", 1, "main", 1, 30],
        ["confirm", 1, "main", 7, 0],
        ["cancel", 1, "main", [], None],
    ],
)
def test_what_is_no_request_is_refused(line: list[object]) -> None:
    with pytest.raises(ValueError, match=r"not a request|no number of JSON"):
        parse_request(json.dumps(line).encode())
