"""Run a plain function by a plan: one controlled execution, by given delays in virtual time or by a given schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import FaultPoint
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.exploring.plan import check_victims, policy_of
from ticketlab.lab.plain.case import PlainCase
from ticketlab.lab.plain.faults import refuse_impossible_faults
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.participants import ready_participants
from ticketlab.report.plain_function import drawn_steps
from ticketlab.timings.plans import Plan, Schedule, Timing


@dataclass(frozen=True, slots=True, repr=False)
class PlainPlanResult:
    """The result of one plan. `str` draws it: the steps of each process in their order, and the anomalies."""

    plan: Plan
    execution: Execution
    verdict: Verdict
    case: PlainCase

    @property
    def valid(self) -> bool:
        """Whether nothing went wrong."""
        return not self.verdict.anomalies

    @property
    def anomalies(self) -> Sequence[Anomaly]:
        """The anomalies found."""
        return self.verdict.anomalies

    @property
    def schedule(self) -> Schedule:
        """Which process made each step, numbered from 1."""
        return Schedule(tuple(who + 1 for who in self.execution.schedule))

    def to_json(self) -> Mapping[str, Any]:
        """Return the result as it is saved."""
        return {
            "function": self.case.function,
            "processes": self.case.processes,
            "valid": self.valid,
            "anomalies": [anomaly.to_json() for anomaly in self.anomalies],
            "case": self.case.to_json(),
        }

    def __repr__(self) -> str:
        return f"<{self.case.function}: {', '.join(anomaly.name for anomaly in self.anomalies) or 'held'}>"

    def __str__(self) -> str:
        return f"{self!r}\n{drawn_steps(self.execution, self.anomalies)}"


def run_function(
    plain: PlainFunction,
    plan: Plan,
    *,
    executor: str = "processes",
    atomic_accesses: bool = False,
    faults: Sequence[FaultPoint] = (),
) -> PlainPlanResult:
    """Run a function once by a plan, and judge it; a timing has a process for each of its buyers.

    Raises:
        UsageError: a name is unknown, or the parts do not go together.
        TicketlabError: the lab could not do its work.
    """
    if isinstance(plan, Timing) and plan.buyers != plain.processes:
        raise UsageError(f"the timing is for {plan.buyers} processes, and the race of {plain.processes}")
    kinds = tuple(dict.fromkeys(fault.fault for fault in faults))
    refuse_impossible_faults(kinds, executor)
    check_victims(faults, plain.processes)
    how = ExploreOptions(executor=executor, atomic_accesses=atomic_accesses, faults=kinds)
    with ready_participants(plain, how) as (running, judge):
        (execution,) = search(running, policy_of(plan), fault_points=tuple(faults))
        anomalies = tuple(judge.judge(execution))
    case = PlainCase(
        function=plain.title,
        processes=plain.processes,
        schedule=execution.schedule,
        steps=execution.steps,
        anomalies=tuple(anomaly.name for anomaly in anomalies),
        settings=plain.settings,
        fault_points=tuple(faults),
        atomic_accesses=atomic_accesses,
        when=tuple(execution.when),
        found={"plan": repr(plan)},
        versions=versions(),
    )
    return PlainPlanResult(plan, execution, Verdict(anomalies), case)
