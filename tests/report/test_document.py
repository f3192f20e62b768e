"""A damaged result is told apart, with the place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.report.document import shown_document

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "store",
    "strategy",
    "buyers",
    "valid",
    "anomalies",
    "metrics",
    "curve",
    "books",
    "reason",
    "rows",
    "unsupported",
    "injected",
    "left_behind",
    "predictions",
)


def test_a_result_needs_a_verdict_and_anomalies() -> None:
    with pytest.raises(UsageError, match="it is not a result of ticketlab"):
        shown_document({"valid": True})


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ({"valid": "yes"}, "valid is 'yes': true, false or null is needed"),
        ({"store": 7}, "store is 7: a text is needed"),
        ({"predictions": None}, "predictions is None: an object is needed"),
        ({"predictions": {"measured": ["4"]}}, r"predictions.measured\[0\] is '4': a whole number is needed"),
        ({"buyers": "many"}, "buyers is 'many': a whole number is needed"),
        ({"metrics": {"p50_ms": "fast"}}, "metrics.p50_ms is 'fast': a number is needed"),
        ({"metrics": {"p50_ms": float("nan")}}, "metrics.p50_ms is nan"),
        ({"curve": [[0.5, 2.0], [1.0, 1.0]]}, "a curve that never goes down is needed"),
        ({"curve": [1]}, r"curve\[0\] is 1: a list is needed"),
        ({"anomalies": [{}]}, r"anomalies\[0\].name is missing"),
        ({"rows": [{"valid": True}, []]}, r"rows\[1\] is \[\]: an object is needed"),
        ({"rows": []}, r"rows is \[\]: a row or more is needed"),
        ({"injected": [7]}, r"injected\[0\] is 7: an object is needed"),
        ({"injected": [{"who": 7}]}, r"injected\[0\].who is 7: a text is needed"),
        ({"injected": [{"at_ms": "soon"}]}, r"injected\[0\].at_ms is 'soon': a number is needed"),
        ({"injected": [{"at_ms": 1.0, "held": [None]}]}, r"injected\[0\].held\[0\] is None: a text is needed"),
        ({"left_behind": "a lock"}, "left_behind is 'a lock': a list is needed"),
        ({"left_behind": [{}]}, r"left_behind\[0\] is {}: a text is needed"),
    ],
)
def test_a_damaged_part_is_named(part: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        shown_document({"valid": True, "anomalies": []} | part)


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_whatever_stands_there_it_is_read_or_refused(part: dict[str, Any]) -> None:
    try:
        found = shown_document({"valid": True, "anomalies": []} | part)
    except UsageError:
        return
    assert found.headline
