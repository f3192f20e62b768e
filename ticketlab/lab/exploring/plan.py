"""Run a scenario by a plan: one controlled execution, by given delays in virtual time or by a given schedule."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import FaultPoint
from ticketlab.core.history import History
from ticketlab.core.inventory import Hold, Request
from ticketlab.core.scenario import Scenario
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.located import anomaly_json
from ticketlab.explorer.case import Case
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import LenientReplay
from ticketlab.explorer.policies.timed import MICROSECOND, TimedDelays
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.explorer.workload import Place
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.exploring.explore import executor_for, refuse_unsupported
from ticketlab.lab.exploring.fault_options import refuse_impossible
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import needs_processes
from ticketlab.lab.plugins.registry import refuse_holds
from ticketlab.timings.plans import Plan, Schedule, Timing


@dataclass(frozen=True, slots=True, repr=False)
class PlanResult:
    """The result of one plan. `str` draws it: the verdict, the steps of each buyer in their order, the anomalies.

    `case` replays the run. It is None if the plan came with orders of its own, which a case cannot hold.
    """

    scenario: Scenario
    plan: Plan
    execution: Execution
    verdict: Verdict
    history: History
    case: Case | None = field(compare=False)

    @property
    def valid(self) -> bool:
        """Whether the books were kept right."""
        return not self.verdict.anomalies

    @property
    def anomalies(self) -> Sequence[Anomaly]:
        """The anomalies found."""
        return self.verdict.anomalies

    @property
    def sold(self) -> int:
        """How many tickets the requests returned as sold."""
        return sum(one.sold for one in self.history.operations)

    @property
    def schedule(self) -> Schedule:
        """Who made each step, numbered from 1: the buyers first, then the service processes."""
        return Schedule(tuple(who + 1 for who in self.execution.schedule))

    def to_json(self) -> Mapping[str, Any]:
        """Return the result as it is saved."""
        return {
            "store": str(self.scenario.store),
            "strategy": str(self.scenario.strategy),
            "buyers": self.scenario.buyers,
            "tickets": self.scenario.inventory.tickets,
            "sold": self.sold,
            "valid": self.valid,
            "anomalies": [anomaly_json(anomaly, self.execution) for anomaly in self.anomalies],
            "case": self.case.to_json() if self.case else None,
        }

    def __repr__(self) -> str:
        names = ", ".join(anomaly.name for anomaly in self.anomalies) or "correct"
        return f"<{self.scenario.strategy} on {self.scenario.store}: {names}>"

    def __str__(self) -> str:
        from ticketlab.report.plain_text import drawn

        return f"{self!r}\n{drawn(self.execution, self.scenario.buyers, self.anomalies)}"


def execute_plan(
    scenario: Scenario,
    plan: Plan,
    *,
    executor: str | None = None,
    orders: Sequence[Sequence[Request]] | None = None,
    atomic_accesses: bool = False,
    faults: Sequence[FaultPoint] = (),
) -> PlanResult:
    """Run a scenario once by a plan, and judge it: see `ticketlab.run_plan`, which also draws it for Hypothesis."""
    _check_plan(scenario, plan, orders)
    kinds = tuple(dict.fromkeys(fault.fault for fault in faults))
    options = ExploreOptions(
        executor=executor or ("processes" if needs_processes(kinds, scenario.strategy) else "inline"),
        atomic_accesses=atomic_accesses,
        faults=kinds,
    )
    refuse_unsupported(scenario, inline=options.executor == "inline")
    workload = ScenarioWorkload(scenario, scripts=orders)
    without = _left_out(plan, workload)
    with executor_for(workload, options) as running:
        refuse_impossible(options, scenario, workload.store, running.size - len(running.scripts))
        check_victims(faults, running.size)
        (execution,) = search(running, policy_of(plan), without=without, fault_points=tuple(faults))
        anomalies = tuple(workload.judge(execution))
        history = workload.history(execution)
    case = Case(
        scenario=scenario,
        schedule=execution.schedule,
        steps=execution.steps,
        anomalies=tuple(anomaly.name for anomaly in anomalies),
        without=without,
        fault_points=tuple(faults),
        when=tuple(execution.when),
        atomic_accesses=atomic_accesses,
        found={"plan": repr(plan)},
        versions=versions(),
    )
    return PlanResult(scenario, plan, execution, Verdict(anomalies), history, case if orders is None else None)


def _left_out(plan: Plan, workload: ScenarioWorkload) -> frozenset[Place]:
    """Return the requests of the buyers that a timing does not list: they stay away."""
    buyers = len(workload.scripts)
    listed = plan.buyers if isinstance(plan, Timing) else buyers
    return frozenset((buyer, place) for buyer in range(listed, buyers) for place in range(len(workload.scripts[buyer])))


def policy_of(plan: Plan) -> Policy:
    """Return the policy that follows a plan."""
    if isinstance(plan, Timing):
        return TimedDelays([[delay * MICROSECOND for delay in own] for own in plan.delays])
    return LenientReplay([turn - 1 for turn in plan.turns])


def _check_plan(scenario: Scenario, plan: Plan, orders: Sequence[Sequence[Request]] | None) -> None:
    if isinstance(plan, Timing) and plan.buyers > scenario.buyers:
        raise UsageError(f"the timing is for {plan.buyers} buyers, but the scenario has {scenario.buyers}")
    if orders is None:
        return
    if len(orders) != scenario.buyers:
        raise UsageError(f"there are orders for {len(orders)} buyers, but the scenario has {scenario.buyers}")
    for who, script in enumerate(orders, 1):
        for request in script:
            if isinstance(request, Hold):
                refuse_holds(scenario)
            if request.buyer != who or request.section not in scenario.inventory.sections:
                raise UsageError(
                    f"buyer {who} cannot make the order {request}: it names another buyer, or an unknown section"
                )


def check_victims(faults: Sequence[FaultPoint], participants: int) -> None:
    """Raise UsageError if two faults name one participant, or one names nobody."""
    victims = [fault.who for fault in faults]
    if len(set(victims)) < len(victims):
        raise UsageError("two faults name the same participant: name at most one for each")
    for fault in faults:
        if not 0 <= fault.who < participants or fault.point < 0:
            raise UsageError(f"{fault} names nobody: there are {participants} participants, numbered from 0")


def note_in_hypothesis(result: object) -> None:
    """Draw the result in the report of the Hypothesis test that is running, if one is."""
    if "hypothesis" in sys.modules:
        import hypothesis

        if hypothesis.currently_in_test_context():
            hypothesis.note(str(result))
