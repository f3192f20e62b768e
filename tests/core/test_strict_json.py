"""JSON of strangers: what the lab writes is read back, and what could harm it is refused in one line."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.strict_json import DEEPEST, brief, parse
from ticketlab.core.text import escape_controls

LEAVES = st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(LEAVES | TEXTS, lambda inside: st.lists(inside) | st.dictionaries(TEXTS, inside), max_leaves=30)


@given(VALUES, st.booleans())
def test_whatever_json_can_say_is_read_back(value: object, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_value_or_a_refusal_of_one_line(content: bytes) -> None:
    said = ""
    try:
        value = parse(content)
    except ValueError as refusal:
        said = str(refusal)
    else:
        assert parse(json.dumps(value)) == value
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"NaN", "NaN is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b"1e999", "'1e999' is too large"),
        (b"9" * 5000, "a number of 5,000 digits is too long"),
        (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice"),
        (b"[" * 65 + b"]" * 65, f"nested more than {DEEPEST} deep"),
        (b"[" * 100_000, f"nested more than {DEEPEST} deep"),
        (b'"\\ud800"', "half a character, \\ud800"),
        (b'{"\\udfff": 1}', "half a character, \\udfff"),
        (b"\xff", "byte 1 is not UTF-8"),
        (b"\xef\xbb\xbf1", "Expecting value"),
        (b"[" + b"{}," * 500_000 + b"1]", "would take more than"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_python_lets_through_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - what it says is asserted below
        parse(content)
    assert complaint in str(refusal.value)


def test_as_deep_as_allowed_is_read() -> None:
    assert parse(b"[" * DEEPEST + b"]" * DEEPEST) is not None
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


@given(VALUES)
def test_a_message_shows_a_value_briefly_in_one_line(value: object) -> None:
    shown = brief(value)
    assert len(shown) <= 63
    assert shown.isprintable()


@given(st.text())
def test_no_text_controls_a_terminal(text: str) -> None:
    assert not any(
        each < " " or "\x7f" <= each <= "\x9f" or each in "\u202a\u202e\u2066" for each in escape_controls(text)
    )
    assert (
        escape_controls(text, lines=True).splitlines()[:1]
        == [escape_controls(text, lines=True).partition("\n")[0]][: len(text)]
    )


@given(VALUES)
def test_escapes_in_json_mean_what_they_stand_for(value: object) -> None:
    shown = escape_controls(json.dumps(value, ensure_ascii=False, indent=1), lines=True)
    found = json.loads(shown)
    assert found == value or (isinstance(value, float) and math.isnan(value))
