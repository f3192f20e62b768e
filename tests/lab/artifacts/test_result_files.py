"""Results are read back strictly: what is damaged, foreign or newer gets one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import WRONG, cell, document, result
from ticketlab.core.errors import UsageError
from ticketlab.core.result import as_document
from ticketlab.lab.artifacts.files import LARGEST_FILE
from ticketlab.lab.artifacts.result_files import parse_document, read_document
from ticketlab.lab.racing.tour import as_tour

GOOD = document({"lock": 1000.0, "none": 3000.0}, {"none": WRONG})


def parsed(found: Any) -> dict[str, Any]:
    return parse_document(json.dumps(found).encode(), "r.json")


def test_every_kind_reads_back_what_was_written() -> None:
    race = result(cell(), 5, 1000.0, WRONG)
    exploration = {"command": "", "valid": True, "anomalies": [], "environment": {}, "executions": 9, "anomalous": 0,
                   "exhausted": True}  # fmt: skip
    for found in (
        GOOD,
        as_document("race", race.to_json()),
        as_document("tour", as_tour("", [race]).to_json()),
        as_document("exploration", exploration),
    ):
        assert parsed(found) == json.loads(json.dumps(found))


def test_keys_that_nobody_knows_are_kept() -> None:
    assert parsed(GOOD | {"colour": "blue"})["colour"] == "blue"


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.pop(key)


def row_with(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda found: found["rows"][1].update(changes)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda found: found.update(format="other"), "the result r.json is not a result of ticketlab"),
        (
            lambda found: found.update(version=4),
            "version 4; this lab reads version 3 (it comes from a newer ticketlab)",
        ),
        (
            lambda found: found.update(version="1"),
            "version '1'; this lab reads version 3 (no ticketlab wrote that)",
        ),
        (lambda found: found.update(version=True), "no ticketlab wrote that"),
        (lambda found: found.update(kind="poem"), "kind is 'poem': one of 'race', 'tour'"),
        (lambda found: found.update(kind=["race"]), "kind is ['race']: one of"),
        (without("command"), "the result r.json: command is missing: a text is needed"),
        (without("rows"), "rows is missing: a list is needed"),
        (lambda found: found.update(rows={}), "rows is {}: a list is needed"),
        (lambda found: found.update(rows=[7]), "rows[0] is 7: an object is needed"),
        (lambda found: found.update(valid="yes"), "valid is 'yes': true, false or null is needed"),
        (
            lambda found: found.update(anomalies=[{"name": 3, "evidence": {}}]),
            "anomalies[0].name is 3: a text is needed",
        ),
        (row_with(metrics={"p99_ms": "slow"}), "rows[1].metrics.p99_ms is 'slow': a number is needed"),
        (row_with(buyers=-1), "rows[1].buyers is -1: a whole number from 0"),
        (row_with(buyers=True), "rows[1].buyers is True: a whole number from 0"),
        (row_with(spread={"p99_ms": [1]}), "rows[1].spread.p99_ms is [1]: a list of 2 values"),
        (row_with(rank="first"), "rows[1].rank is 'first': a whole number"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(damage: Callable[[dict[str, Any]], None], complaint: str) -> None:
    found = json.loads(json.dumps(GOOD))
    damage(found)
    with pytest.raises(UsageError) as refusal:
        parsed(found)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe\x00", b'{"format": NaN}', b"[]", b"null"])
def test_what_is_no_json_or_no_result_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError, match=r"r\.json"):
        parse_document(content, "r.json")


@given(st.data())
def test_a_result_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    content = json.dumps(GOOD).encode()
    with pytest.raises(UsageError, match="is damaged"):
        parse_document(content[: data.draw(st.integers(0, len(content) - 1))], "r.json")


def test_a_folder_stands_for_the_result_in_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the result"):
        read_document(tmp_path)
    (tmp_path / "result.json").write_text(json.dumps(GOOD))
    assert read_document(tmp_path)["kind"] == "comparison"


def test_a_result_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "r.json").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(UsageError, match="larger than 16 MiB"):
        read_document(tmp_path / "r.json")
