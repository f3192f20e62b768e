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
from ticketlab.lab.artifacts.cases import save_case

CASE = Case(
    scenario=Scenario(Spec.parse("sqlite:journal=delete"), Spec.parse("none"), 3, Inventory({"a": 1, "b": 2})),
    schedule=(0, 1, 1, 0),
    when=(2, 4, 1_000, 1_002),
    steps=("read db", "read db", "write db", "write db"),
    anomalies=("oversold",),
    without=frozenset({(2, 0)}),
    strikes=(FaultPoint(0, 2, Fault(FaultKind.KILL)), FaultPoint(1, 0, Fault(FaultKind.PAUSE, 2.0))),
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
        ({"ticketlab": "result"}, "this is no ticketlab case"),
        ({"version": 0}, "this case has version 0, and this ticketlab reads versions 1 to 3"),
        ({"version": 4}, "this case has version 4, and this ticketlab reads versions 1 to 3"),
        ({"schedule": [1, "2"]}, r"schedule of this case is \[1, '2'\]: a whole number is needed"),
        ({"schedule": [0]}, r"schedule of this case is \[0\]: numbers from 1 is needed"),
        ({"scenario": []}, r"scenario of this case is \[\]: an object is needed"),
        ({"scenario": {}}, "this case has no scenario.quantity"),
        ({"when": [2, 4]}, "this case says when some of its steps were made, and not when the others were"),
        ({"whole": 1}, "whole of this case is 1: true or false is needed"),
        ({"without": [[1]]}, r"without of this case is \[\[1\]\]: a list of two numbers is needed"),
    ],
)
def test_what_is_no_such_case_is_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        Case.from_json({**CASE.to_json(), **change})


@pytest.mark.parametrize("key", [key for key in CASE.to_json() if key not in ("ticketlab", "version")])
def test_a_missing_key_is_named(key: str) -> None:
    data = CASE.to_json()
    del data[key]
    with pytest.raises(UsageError, match=f"this case has no {key}"):
        Case.from_json(data)


@pytest.mark.parametrize(("version", "unknown"), [(1, ("faults", "when")), (2, ("when",))])
def test_older_cases_are_read(version: int, unknown: tuple[str, ...]) -> None:
    data = {key: value for key, value in CASE.to_json().items() if key not in unknown} | {"version": version}
    assert Case.from_json(data) == replace(CASE, when=(), strikes=() if "faults" in unknown else CASE.strikes)


def test_no_object_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="no ticketlab case"):
        Case.from_json([1, 2])


def test_cases_that_differ_in_faults_or_in_their_test_have_names_of_their_own(tmp_path: Path) -> None:
    others = [
        replace(CASE, strikes=()),
        replace(CASE, found={"test": "test_a"}),
        replace(CASE, found={"test": "test_b"}),
    ]
    assert len({save_case(case, tmp_path) for case in [CASE, *others]}) == 4
    assert save_case(CASE, tmp_path) == save_case(replace(CASE, found={"seed": 2}), tmp_path)
