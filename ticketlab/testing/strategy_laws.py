"""The laws that every strategy keeps on a store. Each is a function whose docstring is the law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ticketlab.core.faults import FaultKind
from ticketlab.core.inventory import Buy, Cancel, Confirm, Hold, Search, Sold
from ticketlab.core.plugin import Capability, StrategyKind
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import Exploration, ExploreOptions
from ticketlab.lab.api import explore, race, run_plan
from ticketlab.lab.exploring.explore import explore_workload
from ticketlab.lab.exploring.fault_options import chosen_faults
from ticketlab.lab.exploring.function_session import BuyerSession
from ticketlab.lab.faults import needs_processes
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.report.plain_text import drawn
from ticketlab.testing.functions import FunctionRace
from ticketlab.testing.require import require
from ticketlab.timings.plans import Schedule


@dataclass(frozen=True, slots=True)
class StrategyUnderTest:
    """A strategy, the spec that names it, and the store that it is tried on."""

    kind: StrategyKind
    spec: Spec
    store: Spec
    executions: int

    @property
    def safe(self) -> bool:
        """Whether the strategy is meant to keep the books right."""
        return self.kind.claims_safety(self.spec)

    @property
    def in_process(self) -> bool:
        """Whether the store's books never leave one process."""
        return store_kind(self.store).in_process

    @property
    def keeps_holds(self) -> bool:
        """Whether the store and the strategy keep holds."""
        return Capability.HOLDS in store_kind(self.store).capabilities and self.kind.keeps_holds(self.spec)

    def scenario(self, buyers: int, tickets: int) -> Scenario:
        """Return a scenario of that many buyers and tickets; buyers hold tickets first if the strategy needs holds.

        A hold lasts longer than one buyer takes to pay, and not as long as two buyers take.
        """
        hold, pay = (30.0, 20.0) if Capability.HOLDS in self.kind.needs else (0.0, 0.0)
        return Scenario.of(str(self.store), str(self.spec), buyers=buyers, tickets=tickets, hold=hold, pay=pay)


StrategyLaw = Callable[[StrategyUnderTest], None]


def serves(subject: StrategyUnderTest) -> None:
    """A single buyer gets the right answers: sold, found, cancelled, sold out."""
    orders = (Buy(1, "main"), Search(1, "main"), Cancel(1, "main", (1,)), Buy(1, "main", 2), Search(1, "main"))
    played = run_plan(subject.scenario(1, 2), Schedule(()), orders=((*orders, Buy(1, "main")),))
    told = [(one.op, one.result, one.tickets) for one in played.history.operations]
    expected = [
        ("buy", "ok", (1,)),
        ("search", 1, ()),
        ("cancel", "ok", (1,)),
        ("buy", "ok", (2, 3)),
        ("search", 0, ()),
        ("buy", "soldout", ()),
    ]
    require(told == expected, f"a request of a buyer that is alone returned {told}, expected {expected}")
    require(played.valid, f"the books are wrong although nobody raced:\n{played}")


def serves_holds(subject: StrategyUnderTest) -> None:
    """If holds are kept, a single buyer can place them, confirm each once, and cancel them."""
    if not subject.keeps_holds:
        return
    holds = (Hold(1, "main", 1, 30.0, "a"), Hold(1, "main", 1, 30.0, "b"), Hold(1, "main", 1, 30.0, "c"))
    uses = (Confirm(1, "main", "a"), Confirm(1, "main", "a"), Cancel(1, "main", hold="b"), Search(1, "main"))
    played = run_plan(subject.scenario(1, 2), Schedule(()), orders=((*holds, *uses),))
    told = [one.result for one in played.history.operations]
    expected = ["a", "b", "soldout", "ok", "expired", "ok", 1]
    require(told == expected, f"a request of a buyer that is alone returned {told}, expected {expected}")
    require(played.valid, f"the books are wrong although nobody raced:\n{played}")


def keeps_its_word(subject: StrategyUnderTest) -> None:
    """Explored with two and three buyers, a strategy that claims safety is right, and another one is found wrong.

    Some strategies are wrong only if a buyer pauses for longer than expected, or a clerk dies.
    """
    found_out = False
    for buyers, tickets in ((2, 1), (3, 2)):
        found = explore(subject.scenario(buyers, tickets), ExploreOptions(executions=subject.executions))
        setting = f"{buyers} buyers and {tickets} ticket{'s' * (tickets > 1)}"
        found_out = found_out or found.finding is not None
        _require_word(subject, found, f"with {setting}")
    require(
        found_out or subject.safe or _wrong_under_faults(subject),
        f"{subject.spec} is said to be wrong, and no schedule of two or three buyers shows it",
    )


def keeps_its_word_of_what_comes_back(subject: StrategyUnderTest) -> None:
    """A strategy that claims safety is right if one buyer gives its ticket back while another one buys."""
    if subject.safe:
        store, strategy = str(subject.store), str(subject.spec)
        sale = FunctionRace(buyers=2, tickets=2, store=store, strategy=strategy, executions=subject.executions)
        found = explore_workload(sale.workload(_buy_and_maybe_give_back, ""), sale.how())
        _require_word(subject, found, "with 2 buyers, of whom one gives its ticket back,")


def _buy_and_maybe_give_back(session: BuyerSession) -> None:
    bought = session.buy()
    if session.buyer == 1 and isinstance(bought, Sold):
        session.cancel(bought.tickets)


def keeps_its_word_of_holds(subject: StrategyUnderTest) -> None:
    """If holds are kept, a strategy that claims safety is right for holds and their confirmations."""
    if subject.safe and subject.keeps_holds and Capability.HOLDS not in subject.kind.needs:
        scenario = replace(subject.scenario(2, 1), hold=30.0, pay=(20.0, 20.0))
        found = explore(scenario, ExploreOptions(executions=subject.executions))
        _require_word(subject, found, "with 2 buyers that hold the only ticket")


def _require_word(subject: StrategyUnderTest, found: Exploration, setting: str) -> None:
    """Require of a strategy that claims safety that it was explored to the end, and nothing went wrong."""
    if found.finding is not None:
        table = drawn(found.finding.execution, found.scenario.buyers, found.finding.anomalies)
        require(not subject.safe, f"{subject.spec} claims safety, and {setting} it is wrong:\n\n{table}\n")
    elif subject.safe:
        require(
            found.exhausted,
            f"{setting} {subject.executions:,} executions found nothing wrong, and are not all: undecided",
        )


def _wrong_under_faults(subject: StrategyUnderTest) -> bool:
    scenario = subject.scenario(2, 1)
    faults = [
        fault for fault in chosen_faults("all", scenario) if fault.kind in (FaultKind.PAUSE, FaultKind.KILL_SERVICE)
    ]
    for fault in faults:
        executor = "processes" if needs_processes([fault], scenario.strategy) else "inline"
        how = ExploreOptions(executor=executor, faults=(fault,), executions=subject.executions)
        if explore(scenario, how).finding is not None:
            return True
    return False


def survives_live(subject: StrategyUnderTest) -> None:
    """Raced live on real processes, a strategy that claims safety is right."""
    if subject.in_process or not subject.safe:
        return
    result = race(subject.scenario(4, 2))
    sentences = "; ".join(anomaly.sentence for anomaly in result.verdict.anomalies) or result.verdict.reason
    require(result.valid, f"four processes raced live for two tickets: {sentences}")


def same_everywhere(subject: StrategyUnderTest) -> None:
    """A schedule leads to the same history in one process and on real processes."""
    if subject.in_process:
        return
    for turns in ((), (1, 2), (2, 1, 1, 2)):
        here, there = (
            run_plan(subject.scenario(2, 1), Schedule(turns), executor=executor) for executor in ("inline", "processes")
        )
        told = f"{here.history.operations} in one process, {there.history.operations} in several"
        require(here.history == there.history, f"schedule {turns} differs: {told}")


STRATEGY_LAWS: Final[tuple[StrategyLaw, ...]] = (
    serves,
    serves_holds,
    keeps_its_word,
    keeps_its_word_of_what_comes_back,
    keeps_its_word_of_holds,
    survives_live,
    same_everywhere,
)
