"""A case reads back as it was written, and what is no such case is refused with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind, FaultPoint
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.case import Case
from ticketlab.lab.artifacts.case_files import save_case

CASE = Case(
    scenario=Scenario(Spec.parse("sqlite:journal=delete"), Spec.parse("none"), 3, Inventory({"a": 1, "b": 2})),
    schedule=(0, 1, 1, 0),
    when=(2, 4, 1_000, 1_002),
    steps=("read db", "read db", "write db", "write db"),
    anomalies=("oversold",),
    without=frozenset({(2, 0)}),
    fault_points=(FaultPoint(0, 2, Fault(FaultKind.KILL)), FaultPoint(1, 0, Fault(FaultKind.PAUSE, 2.0))),
    atomic_accesses=True,
    found={"policy": "pct:3", "seed": 1, "execution": 17},
    versions={"ticketlab": "0.1.0"},
)


def test_a_case_reads_back_as_it_was_written() -> None:
    assert Case.from_json(json.loads(json.dumps(CASE.to_json()))) == CASE


def test_a_fault_of_an_older_case_is_the_same_step_in_the_words_of_today() -> None:
    older = {**CASE.to_json(), "steps": ["read db", "struck by kill", "write db", "write db"]}
    assert Case.from_json(older).steps[1] == "fault injected: kill"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ticketlab": "result"}, 'this case is not a case of ticketlab: it needs "ticketlab": "case"'),
        ({"version": 0}, r"version 0; this lab reads versions 1, 2, 3 and 4 \(no ticketlab wrote that\)"),
        ({"version": 5}, r"version 5; this lab reads versions 1, 2, 3 and 4 \(it comes from a newer ticketlab\)"),
        ({"schedule": [1, "2"]}, r"schedule\[1\] is '2': a whole number from 1 up to"),
        ({"schedule": [0]}, r"schedule\[0\] is 0: a whole number from 1 up to"),
        ({"scenario": []}, r"scenario is \[\]: an object is needed"),
        ({"scenario": {}}, r"scenario\.quantity is missing: a list is needed"),
        ({"when": [2, 4]}, r"when is \[2, 4\]: a time for each step of the schedule, or none at all, is needed"),
        ({"atomic_accesses": 1}, "atomic_accesses is 1: true or false is needed"),
        ({"without": [[1]]}, r"without\[0\] is \[1\]: a list of 2 values is needed"),
        ({"faults": [{"who": 1, "point": 1}]}, r"faults\[0\]\.fault is missing: a text is needed"),
    ],
)
def test_what_is_no_such_case_is_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        Case.from_json({**CASE.to_json(), **change})


@pytest.mark.parametrize("key", [key for key in CASE.to_json() if key not in ("ticketlab", "version")])
def test_a_missing_key_is_named(key: str) -> None:
    data = CASE.to_json()
    del data[key]
    with pytest.raises(UsageError, match=f"this case: {key} is missing"):
        Case.from_json(data)


OLDER: dict[int, str] = {
    1: """{"ticketlab": "case", "version": 1,
           "scenario": {"store": "json", "strategy": "none", "buyers": 2, "inventory": {"main": 1},
                        "quantity": [1, 1], "orders": 1, "seed": 7, "ledger": true},
           "without": [[2, 1]], "whole": true, "schedule": [1, 2], "steps": ["read x", "write x"],
           "anomalies": ["oversold"], "found": {"policy": "dpor"}, "versions": {"ticketlab": "0.1.0"}}""",
    2: """{"ticketlab": "case", "version": 2,
           "scenario": {"store": "json", "strategy": "none", "buyers": 2, "inventory": {"main": 1},
                        "quantity": [1, 1], "orders": 1, "seed": 7, "ledger": true},
           "without": [[2, 1]], "faults": [{"who": 1, "point": 3, "fault": "pause:2s"}], "whole": true,
           "schedule": [1, 2], "steps": ["read x", "write x"], "anomalies": ["oversold"],
           "found": {"policy": "dpor"}, "versions": {"ticketlab": "0.1.0"}}""",
    3: """{"ticketlab": "case", "version": 3,
           "scenario": {"store": "json", "strategy": "none", "buyers": 2, "inventory": {"main": 1},
                        "quantity": [1, 1], "orders": 1, "seed": 7, "ledger": true},
           "without": [[2, 1]], "faults": [{"who": 1, "point": 3, "fault": "pause:2s"}], "whole": true,
           "schedule": [1, 2], "when": [2, 4], "steps": ["read x", "write x"], "anomalies": ["oversold"],
           "found": {"policy": "dpor"}, "versions": {"ticketlab": "0.1.0"}}""",
}
"""What earlier versions saved, to the letter."""


@pytest.mark.parametrize("version", OLDER)
def test_older_cases_are_read(version: int) -> None:
    scenario = Scenario(Spec.parse("json"), Spec.parse("none"), 2, Inventory({"main": 1}), seed=7)
    pause = FaultPoint(0, 2, Fault(FaultKind.PAUSE, 2.0))
    assert Case.from_json(json.loads(OLDER[version])) == Case(
        scenario=scenario,
        schedule=(0, 1),
        steps=("read x", "write x"),
        anomalies=("oversold",),
        without=frozenset({(1, 0)}),
        fault_points=(pause,) if version >= 2 else (),
        when=(2, 4) if version >= 3 else (),
        atomic_accesses=True,
        found={"policy": "dpor"},
        versions={"ticketlab": "0.1.0"},
    )


def test_no_object_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="not a case of ticketlab"):
        Case.from_json([1, 2])


def test_cases_that_differ_in_faults_or_in_their_test_have_names_of_their_own(tmp_path: Path) -> None:
    others = [
        replace(CASE, fault_points=()),
        replace(CASE, found={"test": "test_a"}),
        replace(CASE, found={"test": "test_b"}),
    ]
    assert len({save_case(case, tmp_path) for case in [CASE, *others]}) == 4
    assert save_case(CASE, tmp_path) == save_case(replace(CASE, found={"seed": 2}), tmp_path)
