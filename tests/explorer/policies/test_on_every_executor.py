"""Policies that sample draw the same schedules on every executor that runs the same steps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.policies.portfolio import Portfolio
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.lab.programs.explore import explore_program
from ticketlab.lab.programs.program import Program

pytestmark = pytest.mark.usefixtures("in_tmp_path")

POLICIES = ["pos", "urw", "surw", "delay:2", "feedback", "portfolio"]
EXECUTIONS = 60


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("strategy", ["none", "lock"])
def test_inline_and_processes_run_the_same_schedules(policy: str, strategy: str) -> None:
    spec = Spec.parse(policy)
    scenario = Scenario(Spec.parse("json:in-place"), Spec.parse(strategy), 3, Inventory({"main": 2}))
    found = []
    for executor in (Inline, Processes):
        with executor(ScenarioWorkload(scenario)) as opened:
            made = Portfolio(5, within=1) if policy == "portfolio" else policy_kind(spec).make(spec, 5)
            found.append([one.schedule for one in search(opened, made, EXECUTIONS)])
    assert found[0] == found[1]
    assert len(set(found[0])) > 3


def _add_one() -> None:
    count = int(Path("count").read_text())
    Path("count").write_text(str(count + 1))


async def _add_one_in_turns() -> None:
    count = int(Path("count").read_text())
    await asyncio.sleep(0)
    Path("count").write_text(str(count + 1))


def _lay_out(folder: Path) -> None:
    (folder / "count").write_text("0")


def _counted(folder: Path) -> bool:
    return (folder / "count").read_text() == "2"


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("executor", ["processes", "threads", "tasks"])
def test_a_lost_update_of_a_function_is_found(policy: str, executor: str) -> None:
    function = _add_one_in_turns if executor == "tasks" else _add_one
    plain = PlainFunction(function=function, reset=_lay_out, invariant=_counted, in_tasks=executor == "tasks")
    found = explore_plain(plain, ExploreOptions(policy=Spec.parse(policy), executor=executor, executions=100))
    assert found.anomalous == 1
    assert found.finding is not None
    by = found.finding.case.found["policy"]
    assert by in (policy, "dpor")
    assert by in found.how_far.by


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_a_lost_update_of_a_program_is_found(policy: str, tmp_path: Path) -> None:
    (tmp_path / "add.sh").write_text("read n < count\necho $((n + 1)) > count\n")
    (tmp_path / "count").write_text("0\n")
    program = Program.of("sh add.sh", copies=2, folder=tmp_path, invariant="grep -q 2 count")
    how = ExploreOptions(policy=Spec.parse(policy), executor="program", executions=40)
    found = explore_program(program, how)
    assert found.valid is False
    assert found.finding is not None
