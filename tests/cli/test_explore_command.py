"""`ticketlab explore` finds, draws and saves; `ticketlab replay` repeats; exit codes say which."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ticketlab.cli import cli
from ticketlab.core.errors import TicketlabError, UsageError

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def run(*words: str) -> Result:
    """Run a command; what it returns is its exit code, and an error of the lab is raised as it is."""
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    if isinstance(result.exception, TicketlabError):
        raise result.exception
    return result


def explored(*words: str) -> tuple[Any, int]:
    result = run("explore", *words, "--json")
    return json.loads(result.output), result.return_value


def test_a_race_is_found_saved_and_replayed(in_tmp_path: Path) -> None:
    found, code = explored("--store", "json:in-place", "--atomic-accesses")
    assert code == 1
    assert found["valid"] is False
    assert found["confirmed"] == "confirmed on real processes"
    assert found["command"] == "ticketlab explore --store json:in-place --atomic-accesses"
    for executor in ("inline", "processes"):
        again = run("replay", found["file"], "--executor", executor, "--json")
        assert again.return_value == 1
        assert [one["name"] for one in json.loads(again.output)["anomalies"]] == found["case"]["anomalies"]


def test_what_is_drawn_ends_in_what_to_type_next() -> None:
    result = run("explore", "--store", "memory")
    assert "1  read main → 2 ◀" in result.output
    assert "ticketlab replay .ticketlab/cases/memory-none-" in result.output


def test_a_correct_strategy_is_exhausted_and_said_so() -> None:
    result = run("explore", "--store", "memory", "--strategy", "lock")
    assert result.return_value == 0
    assert "Exhausted: all interleavings of 3 buyers are safe" in result.output


def test_a_budget_that_ran_out_is_undecided() -> None:
    found, code = explored("--store", "memory", "--strategy", "lock", "--policy", "pct:3", "--executions", "20")
    assert code == 3
    assert (found["valid"], found["executions"], found["exhausted"]) == (None, 20, False)


@pytest.mark.parametrize(
    ("policy", "tried"), [("fcfs", "1 execution"), ("sjf", "2 executions"), ("rr:4", "1 execution")]
)
def test_a_schedule_of_an_operating_system_that_went_well_proves_nothing(policy: str, tried: str) -> None:
    found, code = explored("--store", "json:in-place", "--policy", policy)
    assert (code, found["valid"], found["exhausted"]) == (3, None, False)
    assert found["reason"].startswith(f"{tried} by {policy} found nothing, and ")


def test_a_lease_that_ended_by_itself_ends_by_itself_in_the_replay() -> None:
    found, code = explored(
        "--store", "json:rename", "--strategy", "lease:unfenced,seconds=1", "--policy", "timed:mean=1000000"
    )
    assert (code, found["confirmed"]) == (1, "confirmed on real processes")
    assert len(found["case"]["when"]) == len(found["case"]["schedule"]) == 9
    for executor in ("inline", "processes"):
        again = run("replay", found["file"], "--executor", executor)
        assert again.return_value == 1
        assert "acquire lease → after 1 s" in again.output


def test_dfs_takes_a_bound_on_preemptions() -> None:
    found, _ = explored("--store", "memory", "--policy", "dfs", "--preemptions", "1", "--exhaust")
    assert found["exhausted"]
    assert found["policy"] == "dfs:preemptions=1"
    with pytest.raises(UsageError, match="--preemptions is a bound of dfs"):
        run("explore", "--store", "memory", "--preemptions", "1")
    with pytest.raises(UsageError, match=r"^dfs:preemptions=2 says its preemptions already: leave out --preemptions"):
        run("explore", "--store", "memory", "--policy", "dfs:preemptions=2", "--preemptions", "1")


def test_a_case_that_no_longer_repeats_itself_is_no_verdict(in_tmp_path: Path) -> None:
    found, _ = explored("--store", "memory")
    path = in_tmp_path / found["file"]
    case = json.loads(path.read_text())
    case["steps"][1] = "read elsewhere"
    path.write_text(json.dumps(case))
    with pytest.raises(TicketlabError, match=r"step 2 was 'read elsewhere' when the case was saved") as error:
        run("replay", str(path))
    assert error.value.exit_code == 4


@pytest.mark.parametrize(("content", "reason"), [("{}", "not a case of ticketlab"), ("nonsense", "is not JSON")])
def test_what_is_no_case_is_refused(in_tmp_path: Path, content: str, reason: str) -> None:
    (in_tmp_path / "case.json").write_text(content)
    with pytest.raises(UsageError, match=reason):
        run("replay", "case.json")
    with pytest.raises(UsageError, match="cannot read the case"):
        run("replay", "elsewhere.json")
