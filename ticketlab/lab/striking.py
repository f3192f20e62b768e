"""Which faults strike where: every point of every participant in turn, or drawn from a seed.

A policy that comes to an end is asked to do so for each point anew: first with no fault, then with each fault at each
participant's first point, its second, and so on until in no schedule there is such a point any more. Other policies go
on for ever, and so does the drawing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, Harm, Risk, Strike
from ticketlab.core.plugin import Capability, SeizableStore, ServedStore, Store
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import Anomaly
from ticketlab.explore.cast import Strikes
from ticketlab.explore.execution import Execution
from ticketlab.explore.executor import Executor
from ticketlab.explore.findings import Exploring, StruckPoint
from ticketlab.explore.footprints import SERVER, footprint, servers_footprint
from ticketlab.explore.search import search
from ticketlab.explore.stuck import named
from ticketlab.lab.registry import policy_kind, store_kind, strategy_kind
from ticketlab.lab.rehearsal import Rehearsal

Struck = tuple[Execution, Strikes]

SIGNALS = frozenset({Harm.KILL, Harm.KILL_STAFF, Harm.KILL_SERVER})


def chosen_faults(text: str | None, scenario: Scenario) -> tuple[Fault, ...]:
    """Read faults as the command line names them, with commas between; `all` stands for all that can strike.

    Raises:
        UsageError: one of them is no fault.
    """
    if not text:
        return ()
    if text != "all":
        return chosen(text)
    with Rehearsal(scenario).at_rest() as (store, staff):
        every = [Fault.parse(harm.value) for harm in Harm]
        return tuple(fault for fault in every if not why_not(fault, scenario, store, staff))


def chosen(text: str) -> tuple[Fault, ...]:
    """Read faults with commas between, each once; raises UsageError for what is none."""
    return tuple(dict.fromkeys(Fault.parse(each) for each in text.split(",")))


def needs_processes(faults: Sequence[Fault], strategy: Spec) -> str:
    """Return why the faults can only strike real processes; an empty string where all can strike in one."""
    for fault in faults:
        if fault.harm in SIGNALS:
            return f"the fault {fault} needs real processes"
        kind = strategy_kind(strategy)
        if fault.harm is Harm.TERMINATE and kind.variant(strategy) in kind.asks_who_lives:
            return f"{strategy} asks whether a holder's process still lives, and in one process it always does"
    return ""


def why_not(fault: Fault, scenario: Scenario, store: Store, staff: int) -> str:
    """Return why a fault cannot strike in a scenario, or an empty string where it can."""
    kind = store_kind(scenario.store)
    if fault.harm in SIGNALS and kind.in_process:
        return f"{kind.name} never leaves one process, which is the lab's"
    if fault.harm.in_files and Capability.FILE not in kind.capabilities:
        return f"{kind.name} keeps no files"
    if fault.harm is Harm.LOCKED and not isinstance(store, SeizableStore):
        return f"{kind.name} has no lock of its own that an outsider could hold"
    if fault.harm is Harm.KILL_SERVER and not isinstance(store, ServedStore):
        return f"{kind.name} has no server"
    if fault.harm is Harm.KILL_STAFF and not staff:
        return f"{scenario.strategy} has no staff"
    return ""


def chosen_risks(text: str | None) -> tuple[Risk, ...]:
    """Read the faults of a live race as the command line names them, with commas between."""
    return tuple(Risk.parse(each) for each in text.split(",")) if text else ()


def why_not_live(fault: Fault, scenario: Scenario, launcher: Spec, store: Store, staff: int) -> str:
    """Return why a fault cannot strike in a live race, or an empty string where it can."""
    if fault.harm is Harm.CLOCK:
        return "the machine's own clock would have to jump (explore it instead)"
    if fault.harm is Harm.LOCKED:
        return "that takes an outsider, and in a race there is none (explore it instead)"
    if launcher.name == "threads" and fault.harm in (Harm.KILL, Harm.TERMINATE, Harm.PAUSE):
        return "signals go to a whole process, and the threads are all in the lab's"
    if launcher.name == "threads" and fault.harm.in_files and fault.harm is not Harm.IO_ERROR:
        return "limits hold for a whole process, and the threads are all in the lab's"
    return why_not(fault, scenario, store, staff)


def refuse_impossible(how: Exploring, scenario: Scenario, store: Store, staff: int) -> None:
    """Raise UsageError where a fault cannot strike here."""
    for fault in how.faults:
        if reason := why_not(fault, scenario, store, staff):
            raise UsageError(f"the fault {fault} cannot strike {scenario.strategy} on {scenario.store}: {reason}")
    if how.executor == "inline" and (reason := needs_processes(how.faults, scenario.strategy)):
        raise UsageError(f"{reason}: add --executor processes")


class Search:
    """The executions of an exploration, with faults or without; `exhausted` once all that there can be were tried."""

    def __init__(self, executor: Executor, how: Exploring) -> None:
        if how.executions < 1:
            raise UsageError(f"{how.executions} executions explore nothing: at least 1 is needed")
        self._executor = executor
        self._how = how
        self._kind = policy_kind(how.policy)
        self.exhausted = False

    def executions(self) -> Iterator[Struck]:
        """Yield each execution, and which fault was to strike in it."""
        for number, struck in enumerate(self._all()):
            if number == self._how.executions:
                return
            yield struck
        self.exhausted = self._kind.exhausts

    def _all(self) -> Iterator[Struck]:
        if not self._how.faults:
            return self._under(())
        return self._everywhere() if self._kind.ends else self._drawn()

    def _victims(self, fault: Fault) -> Sequence[int]:
        buyers, everybody = len(self._executor.scripts), self._executor.size
        if fault.harm is Harm.KILL_STAFF:
            return self._executor.different_staff
        return range(buyers if fault.harm.is_step else everybody)

    def _everywhere(self) -> Iterator[Struck]:
        everybody = range(self._executor.size)
        noticed: dict[int | None, set[str]] = {who: set() for who in (*everybody, SERVER)}
        for execution, none in self._under(()):
            for who in everybody:
                noticed[who] |= footprint(execution, who)
            noticed[SERVER] |= servers_footprint(execution)
            yield execution, none
        self._executor.expose({who: tuple(sorted(names)) for who, names in noticed.items()})
        for fault in self._how.faults:
            for who in self._victims(fault):
                for point in count():
                    fell = False
                    for execution, strikes in self._under((Strike(who, point, fault),)):
                        if execution.fell:  # else it is one of those without a fault
                            fell = True
                            yield execution, strikes
                    if not fell:
                        break

    def _under(self, strikes: Strikes) -> Iterator[Struck]:
        policy = self._kind.make(self._how.policy, self._how.seed)
        for execution in search(self._executor, policy, strikes=strikes):
            yield execution, strikes

    def _drawn(self) -> Iterator[Struck]:
        policy = self._kind.make(self._how.policy, self._how.seed)
        longest: dict[int, int] = {}
        for number in count():
            draw = Random(f"faults/{self._how.seed}/{number}")
            fault = draw.choice(self._how.faults)
            who = draw.choice(self._victims(fault))
            strikes = (Strike(who, draw.randint(0, longest.get(who, 8)), fault),)
            execution = next(search(self._executor, policy, 1, strikes=strikes), None)
            if execution is None:
                return
            made = sum(mover == who for mover in execution.trace.who)
            longest[who] = max(longest.get(who, 0), made)
            yield execution, strikes


class Points:
    """What came of the faults, point by point."""

    def __init__(self) -> None:
        self._by_strike: dict[Strike, _Point] = {}

    def count(self, execution: Execution, strikes: Strikes, anomalies: Sequence[Anomaly], buyers: int) -> None:
        """Take in one execution."""
        for strike in strikes:
            if strike.who in execution.fell:
                point = self._by_strike.setdefault(
                    strike, _Point(named(strike.who, buyers), _before(execution, strike))
                )
                point.executions += 1
                point.anomalous += bool(anomalies)
                point.names.update({anomaly.name for anomaly in anomalies})
                point.waited = max(point.waited, execution.waited)

    def told(self) -> list[StruckPoint]:
        """Return them in the order in which they were tried."""
        return [
            StruckPoint(
                strike.fault,
                point.who,
                strike.point,
                point.before,
                point.executions,
                point.anomalous,
                dict(point.names),
                point.waited,
            )
            for strike, point in self._by_strike.items()
        ]


@dataclass(slots=True)
class _Point:
    who: str
    before: str
    executions: int = 0
    anomalous: int = 0
    names: Counter[str] = field(default_factory=Counter)
    waited: float = 0.0


def _before(execution: Execution, strike: Strike) -> str:
    """Return the step that a fault struck before, or befell."""
    for note in execution.notes:
        if execution.trace.who[note.step] == strike.who:
            if note.what == "before":
                return str(note.value)
            if note.what == "fault":
                return execution.steps[note.step]
    return ""
