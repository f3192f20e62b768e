"""Play a scenario by a plan: one controlled execution, by given delays in virtual time or by a given schedule."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import FaultPoint
from ticketlab.core.history import History
from ticketlab.core.inventory import Hold, Request
from ticketlab.core.result import Result
from ticketlab.core.scenario import Scenario
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.case import Case
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import LenientReplay
from ticketlab.explorer.policies.timed import MICROSECOND, TimedDelays
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.artifacts.cases import versions
from ticketlab.lab.exploring.explore import executor_for, refuse_unsupported
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import needs_processes, refuse_impossible
from ticketlab.lab.plugins.registry import refuse_holds, store_kind
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import race as race_live
from ticketlab.timings.plans import Plan, Schedule, Timing


@dataclass(frozen=True, slots=True, repr=False)
class PlanResult:
    """What one plan led to. `str` draws it: the verdict, who did what in which order, and what went wrong.

    `case` replays it; it is None where the plan came with orders of its own, which cases do not hold.
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
        """What went wrong."""
        return self.verdict.anomalies

    @property
    def sold(self) -> int:
        """How many tickets buyers were told that they hold."""
        return sum(one.sold for one in self.history.operations)

    @property
    def schedule(self) -> Schedule:
        """Who made each step, staff included."""
        return Schedule(tuple(who + 1 for who in self.execution.schedule))

    def to_json(self) -> Mapping[str, Any]:
        """Return the result as results are saved."""
        return {
            "store": str(self.scenario.store),
            "strategy": str(self.scenario.strategy),
            "buyers": self.scenario.buyers,
            "tickets": self.scenario.inventory.tickets,
            "sold": self.sold,
            "valid": self.valid,
            "anomalies": [anomaly.to_json() for anomaly in self.anomalies],
            "case": self.case.to_json() if self.case else None,
        }

    def __repr__(self) -> str:
        names = ", ".join(anomaly.name for anomaly in self.anomalies) or "books right"
        return f"<{self.scenario.strategy} on {self.scenario.store}: {names}>"

    def __str__(self) -> str:
        from ticketlab.report.plain_text import drawn

        return f"{self!r}\n{drawn(self.execution, self.scenario.buyers, self.anomalies)}"


@overload
def race(scenario: Scenario, plan: RaceOptions | None = None) -> Result: ...


@overload
def race(
    scenario: Scenario,
    plan: Plan,
    *,
    executor: str | None = None,
    orders: Sequence[Sequence[Request]] | None = None,
    atomic_accesses: bool = False,
    faults: Sequence[FaultPoint] = (),
) -> PlanResult: ...


def race(
    scenario: Scenario,
    plan: Plan | RaceOptions | None = None,
    *,
    executor: str | None = None,
    orders: Sequence[Sequence[Request]] | None = None,
    atomic_accesses: bool = False,
    faults: Sequence[FaultPoint] = (),
) -> Result | PlanResult:
    """Race a scenario: live on the wall clock or, by a timing or a schedule, under control and in virtual time.

    Under control the same scenario and plan give the same history every time, on `inline` and on `processes` alike.
    `orders` lists what each buyer asks for, in place of what the scenario draws; `atomic_accesses` takes reads and
    writes as one step each; `faults` strike at the points that they name. Without an `executor` it is `processes` where
    a fault needs real ones, and `inline` otherwise. Inside a Hypothesis test a race that goes wrong is drawn in the
    report.

    Raises:
        UsageError: a name is unknown, or things do not go together.
        TicketlabError: the lab could not do its work.
    """
    if isinstance(plan, Timing | Schedule):
        played = run_plan(
            scenario, plan, executor=executor, orders=orders, atomic_accesses=atomic_accesses, faults=faults
        )
        if not played.valid:
            _tell(played)
        return played
    if orders is not None or executor is not None or atomic_accesses or faults:
        raise UsageError(
            "a live race takes no orders, executor, whole or faults: give it a Timing or a Schedule to control it, or "
            "RaceOptions(faults=...) for faults at random"
        )
    return race_live(scenario, plan)


def run_plan(
    scenario: Scenario,
    plan: Plan,
    *,
    executor: str | None = None,
    orders: Sequence[Sequence[Request]] | None = None,
    atomic_accesses: bool = False,
    faults: Sequence[FaultPoint] = (),
) -> PlanResult:
    """Run the one execution that a plan describes, and judge it."""
    _check_plan(scenario, plan, orders)
    kinds = tuple(dict.fromkeys(strike.fault for strike in faults))
    how = ExploreOptions(
        executor=executor or ("processes" if needs_processes(kinds, scenario.strategy) else "inline"),
        atomic_accesses=atomic_accesses,
        faults=kinds,
    )
    refuse_unsupported(scenario, how.executor)
    cast = ScenarioWorkload(scenario, scripts=orders)
    without = frozenset(
        (buyer, place)
        for buyer in range(plan.buyers if isinstance(plan, Timing) else scenario.buyers, scenario.buyers)
        for place in range(len(cast.scripts[buyer]))
    )
    with executor_for(cast, how) as running:
        refuse_impossible(how, scenario, cast.store, running.size - len(running.scripts))
        _check_victims(faults, running.size)
        (execution,) = search(running, _policy(plan), without=without, strikes=tuple(faults))
        anomalies = tuple(cast.judge(execution))
        history = cast.history(execution)
    case = Case(
        scenario=scenario,
        schedule=execution.schedule,
        steps=execution.steps,
        anomalies=tuple(anomaly.name for anomaly in anomalies),
        without=without,
        strikes=tuple(faults),
        when=tuple(execution.when),
        atomic_accesses=atomic_accesses,
        found={"plan": repr(plan)},
        versions=versions(),
    )
    return PlanResult(
        scenario=scenario,
        plan=plan,
        execution=execution,
        verdict=Verdict(anomalies),
        history=history,
        case=case if orders is None else None,
    )


def _policy(plan: Plan) -> Policy:
    if isinstance(plan, Timing):
        return TimedDelays([[delay * MICROSECOND for delay in own] for own in plan.delays])
    return LenientReplay([turn - 1 for turn in plan.turns])


def _check_plan(scenario: Scenario, plan: Plan, orders: Sequence[Sequence[Request]] | None) -> None:
    if isinstance(plan, Timing) and plan.buyers > scenario.buyers:
        raise UsageError(f"the timing is for {plan.buyers} buyers, and the scenario has {scenario.buyers}")
    if orders is None:
        return
    if len(orders) != scenario.buyers:
        raise UsageError(f"there are orders for {len(orders)} buyers, and the scenario has {scenario.buyers}")
    for who, script in enumerate(orders, 1):
        for request in script:
            if isinstance(request, Hold):
                refuse_holds(store_kind(scenario.store))
            if request.buyer != who or request.section not in scenario.inventory.sections:
                raise UsageError(f"buyer {who} cannot make the order {request}: it names another buyer or section")


def _check_victims(faults: Sequence[FaultPoint], participants: int) -> None:
    victims = [strike.who for strike in faults]
    if len(set(victims)) < len(victims):
        raise UsageError("two faults strike the same participant, and only one can")
    for strike in faults:
        if not 0 <= strike.who < participants or strike.point < 0:
            raise UsageError(f"{strike} strikes nobody: there are {participants} participants, numbered from 0")


def _tell(played: PlanResult) -> None:
    """Add what went wrong to the report of the Hypothesis test that runs now, if one does."""
    if "hypothesis" in sys.modules:
        import hypothesis

        if hypothesis.currently_in_test_context():
            hypothesis.note(str(played))
