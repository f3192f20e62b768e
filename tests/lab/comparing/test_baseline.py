"""Baselines: the same machine's metrics are compared, another machine's only by ratio."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import WRONG, document
from ticketlab.lab.comparing.baseline import compare_with, differences

RATES = st.fixed_dictionaries({name: st.floats(1, 1e5) for name in ("lock", "flock", "clerk")})


def elsewhere(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"environment": found["environment"] | {"processor": "Other 9000"}}


def changes(against: dict[str, Any], field: str) -> dict[str, float]:
    return {row["strategy"]: row["changes"][field]["change"] for row in against["rows"] if field in row["changes"]}


@given(RATES, RATES)
def test_on_one_machine_every_metric_is_compared_as_it_is(now: dict[str, float], then: dict[str, float]) -> None:
    against = compare_with("main", document(now), document(then))
    assert against["same_machine"]
    found = changes(against, "sales_per_s")
    assert found == {name: pytest.approx(now[name] / then[name] - 1) for name in now}


@given(RATES, RATES, st.floats(0.1, 10))
def test_the_speed_of_the_other_machine_does_not_matter(
    now: dict[str, float], then: dict[str, float], times: float
) -> None:
    there = elsewhere(document(then))
    faster = elsewhere(document({name: rate * times for name, rate in then.items()}))
    one, other = (changes(compare_with("main", document(now), each), "sales_per_s") for each in (there, faster))
    if len(set(then.values())) == len(then) == len({round(rate * times, 9) for rate in then.values()}):
        assert one == {name: pytest.approx(change, abs=1e-9, rel=1e-9) for name, change in other.items()}


def test_another_machines_yardstick_is_its_fastest_correct_strategy() -> None:
    against = compare_with(
        "main",
        document({"lock": 400.0, "flock": 100.0, "clerk": 900.0}),
        elsewhere(document({"lock": 200.0, "flock": 100.0, "clerk": 800.0}, {"clerk": WRONG})),
    )
    assert not against["same_machine"]
    assert [row["yardstick"] for row in against["rows"]] == ["lock", "lock"]
    assert changes(against, "sales_per_s") == {"flock": pytest.approx(-0.5)}
    assert changes(against, "fairness") == {"lock": 0.0, "flock": 0.0}
    assert against["left_out"] == [
        {"store": "json", "strategy": "clerk", "launcher": "process", "buyers": 2,
         "reason": "not correct in the baseline"}
    ]  # fmt: skip


def test_what_only_one_side_has_is_named() -> None:
    against = compare_with("main", document({"lock": 1.0, "flock": 1.0}, {"flock": WRONG}), document({"flock": 1.0}))
    assert against["rows"] == []
    assert [each["reason"] for each in against["left_out"]] == ["not in the baseline", "not correct now"]


def test_a_new_kernel_or_python_is_the_same_machine() -> None:
    machine = {"processor": "A", "cores": 2, "file_system": "ext4", "system": "Linux 6.1", "python": "3.11"}
    assert differences(machine | {"system": "Linux 6.2", "python": "3.12"}, machine) == []
    assert differences(machine | {"system": "Darwin 23"}, machine) == ["system Linux then, Darwin now"]
    assert differences(machine | {"cores": 8}, machine) == ["cores 2 then, 8 now"]
