"""JSON fields are read with their types and bounds; an error says where, what was found and what is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.json_fields import JsonField, read_version

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
READERS: list[Callable[[JsonField], object]] = [
    JsonField.object,
    JsonField.values,
    JsonField.whole,
    JsonField.number,
    JsonField.wholes,
    JsonField.flag,
    JsonField.verdict,
    JsonField.text,
    lambda field: field["a"],
    lambda field: field.list_of(JsonField.text),
    lambda field: field.dict_of(JsonField.whole),
    lambda field: field.one_of(["a", "b"]),
    lambda field: field.or_none(JsonField.flag),
]


def file(value: Any) -> JsonField:
    return JsonField(value, "f.json")


def test_what_is_right_is_returned() -> None:
    field = file({"n": 3, "r": 2.5, "t": "x", "f": True, "l": [1, 2], "d": {"a": None}})
    assert (field["n"].whole(3, 3), field["n"].number(), field["r"].number(0, 3)) == (3, 3.0, 2.5)
    assert (field["t"].text(), field["t"].one_of(("x", "y")), field["f"].flag()) == ("x", "x", True)
    assert (field["l"].list_of(JsonField.whole, length=2), field["l"].wholes(1)) == ([1, 2], [1, 2])
    assert field["d"].dict_of(lambda each: each.or_none(JsonField.whole)) == {"a": None}
    assert field["m"].otherwise(JsonField.whole, 7) == 7
    assert "n" in field
    assert "m" not in field


@pytest.mark.parametrize(
    ("value", "read", "error"),
    [
        ({}, lambda f: f["a"].text(), "f.json: a is missing: a text is needed"),
        ({"a": None}, lambda f: f["a"].otherwise(JsonField.text, ""), "f.json: a is None: a text is needed"),
        ([], lambda f: f["a"], "f.json is []: an object is needed"),
        ({"a": {"b": [0, True]}}, lambda f: f["a"]["b"].list_of(JsonField.whole), "f.json: a.b[1] is True: a whole"),
        ({"a": [3, -1]}, lambda f: f["a"].wholes(0), "f.json: a[1] is -1: a whole number from 0 is needed"),
        ({"a": 9}, lambda f: f["a"].whole(1, 5), "f.json: a is 9: a whole number from 1 up to 5 is needed"),
        ({"a": float("inf")}, lambda f: f["a"].number(), "f.json: a is inf: a number is needed"),
        ({"a": [1]}, lambda f: f["a"].list_of(JsonField.whole, length=2), "f.json: a is [1]: a list of 2 values"),
        ({"a": "c"}, lambda f: f["a"].one_of(["x", "y"]), "f.json: a is 'c': one of 'x', 'y' is needed"),
        ({"a": {"\x1b[2J": 1}}, lambda f: f["a"].dict_of(JsonField.text), r"f.json: a['\x1b[2J'] is 1: a text"),
    ],
)
def test_an_error_says_where_what_and_what_is_needed(
    value: Any, read: Callable[[JsonField], object], error: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        read(file(value))
    assert str(refusal.value).startswith(error)


@pytest.mark.parametrize(
    ("head", "error"),
    [
        ([], 'f.json is not a thing: it needs "format": "lab/thing"'),
        ({"format": "other", "version": 1}, "f.json is not a thing"),
        ({"format": "lab/thing"}, "version None; this lab reads versions 1 and 2 (no ticketlab wrote that)"),
        ({"format": "lab/thing", "version": True}, "version True; this lab reads"),
        ({"format": "lab/thing", "version": 3}, "version 3; this lab reads versions 1 and 2 (it comes from a newer"),
    ],
)
def test_the_head_of_a_file_tells_what_it_is(head: Any, error: str) -> None:
    assert read_version(file({"format": "lab/thing", "version": 2}), "format", "lab/thing", "a thing", (1, 2)) == 2
    with pytest.raises(UsageError) as refusal:
        read_version(file(head), "format", "lab/thing", "a thing", (1, 2))
    assert error in str(refusal.value)


@given(JSON, st.sampled_from(READERS))
def test_whatever_stands_there_is_read_or_refused_in_one_line(value: Any, read: Callable[[JsonField], object]) -> None:
    try:
        read(file(value))
    except UsageError as refusal:
        lines = str(refusal).splitlines()
    else:
        lines = []
    assert len(lines) <= 1
