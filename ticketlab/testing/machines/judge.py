"""The judge of a machine's executions: are the results those of some order of the calls, as the machine asks?

- *linearizable* (Herlihy and Wing 1990): some order in which a call that returned before another was invoked comes
  first explains all results;
- *quiescent*: the same, but only what a moment without any open call separates keeps its order;
- *serializable*: any order.

A call that waits for ever is wrong unless the model says that it has to wait where the order ends (Burckhardt et al.,
"Line-Up", PLDI 2010).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ticketlab.checker.budget import BudgetSpent
from ticketlab.checker.observed import patterns
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.search import search
from ticketlab.lab.exploring.stopping import raise_stopped
from ticketlab.lab.plain.conditions import broken_condition
from ticketlab.lab.plain.function import Raised
from ticketlab.lab.plain.judge import PlainJudge, crossing, made_steps, stuck
from ticketlab.lab.plain.serial import InOrder
from ticketlab.lab.plain.workload import PlainWorkload, process_name
from ticketlab.testing.machines.program import called
from ticketlab.testing.machines.run import MachineRun
from ticketlab.testing.machines.specification import Closest, MadeCall, outcome_text

if TYPE_CHECKING:
    from ticketlab.testing.machines.machine import ConcurrentMachine

LINEARIZABLE: Final = "linearizable"
IN_ANY_ORDER: Final = "serializable"
QUIESCENT: Final = "quiescent"
CONSISTENCY: Final = (LINEARIZABLE, IN_ANY_ORDER, QUIESCENT)


class MachineJudge(PlainJudge):
    """Judges executions of one program right after they ran."""

    def __init__(self, workload: PlainWorkload, machine: ConcurrentMachine, run: MachineRun) -> None:
        super().__init__(workload)
        self.machine = machine
        self.run = run
        self.too_long = ""  # why a history was not decided, if one was not
        self._known: dict[object, bool] = {}

    def learn(self, executor: Executor) -> Sequence[Execution]:
        """Run the participants one after another, once; return that run. No search may be going on."""
        (execution,) = search(executor, InOrder(range(len(executor.scripts))))
        raise_stopped(execution)
        self.workload.note_unseen(execution)
        return [execution]

    def learn_smaller(self, executor: Executor) -> None:
        """Learn nothing: the model says what calls come to."""

    def learn_group(self, executor: Executor, who: Sequence[int]) -> Sequence[Execution]:
        """Learn nothing."""
        return ()

    @property
    def left_out(self) -> Sequence[str]:
        """What was not judged, in sentences."""
        return [self.too_long] if self.too_long else ()

    def judge(self, execution: Execution) -> list[Anomaly]:
        """Return what went wrong in the execution that just ran."""
        raise_stopped(execution)
        calls = self.run.made(execution)
        found = list(self._by_model(execution, calls))
        if execution.ending is ExecutionEnd.COMPLETED:
            found += self._broken_invariants()
        if found and (crossed := patterns(made_steps(execution))):
            found.append(crossing(crossed[0], execution))
        return found

    def _by_model(self, execution: Execution, calls: Sequence[MadeCall]) -> Iterator[Anomaly]:
        if execution.ending is ExecutionEnd.ENDLESS:
            yield stuck(execution)
            return
        waits = execution.ending is not ExecutionEnd.COMPLETED
        specification = self.machine.specification
        unspoken = calls if specification is None else specification.unspoken(calls)
        for made in unspoken:
            if isinstance(made.outcome, Raised):
                sentence = f"{process_name(made.who)}: {_line(made)} ({made.outcome.where})"
                yield Anomaly("exception", sentence, {"steps": []})
                return
        if specification is None:
            yield from [stuck(execution)] if waits else []
        elif self._is_wrong(calls, stuck=False):
            yield Anomaly(f"not {self.machine.consistency}", *_told(specification.closest(self.timed(calls))))
        elif waits and self._is_wrong(calls, stuck=True):
            yield stuck(execution)

    def _is_wrong(self, calls: Sequence[MadeCall], *, stuck: bool) -> bool:
        """Whether no order explains the calls; what is known of equal histories is not asked again."""
        timed = self.timed(calls)
        before = [tuple(other.returned < each.invoked for other in timed) for each in timed]
        key = (stuck, *((each.who, each.told, earlier) for each, earlier in zip(timed, before, strict=True)))
        if key not in self._known:
            assert self.machine.specification is not None, "there is a model"
            try:
                self._known[key] = not self.machine.specification.explains(timed, stuck=stuck)
            except BudgetSpent as spent:
                self.too_long, self._known[key] = f"a history is undecided: {spent}", False
        return self._known[key]

    def timed(self, calls: Sequence[MadeCall]) -> list[MadeCall]:
        """Return the calls with the times that count."""
        if self.machine.consistency == LINEARIZABLE:
            return list(calls)
        end = 1 + max((each.returned for each in calls), default=0)
        if self.machine.consistency == IN_ANY_ORDER:
            return [each._replace(invoked=0, returned=end) for each in calls]
        found, period = list[MadeCall](), list[MadeCall]()
        for made in [*sorted(calls, key=lambda each: each.invoked), None]:
            if period and (made is None or made.invoked > max(each.returned for each in period)):
                first, last = period[0].invoked, max(each.returned for each in period)
                found += [each._replace(invoked=first, returned=last) for each in period]
                period.clear()
            period += [made] if made is not None else []
        return found

    def _broken_invariants(self) -> Iterator[Anomaly]:
        for method in self.machine.methods["invariant"]:
            is_false = f"afterwards {method.name} is false"
            ask = partial(getattr(self.machine, method.name))
            yield from broken_condition("invariant broken", "invariant", is_false, ask)


def _told(closest: Closest) -> tuple[str, dict[str, Any]]:
    """Return the sentence and the evidence of an order that explains no more."""
    lines = [f"{process_name(made.who)}: {_line(made)}" for made in closest.order]
    if closest.fails is None:
        return "no order of the calls explains their results", {"steps": [], "order": lines}
    failing = f"{process_name(closest.fails.who)}: {_line(closest.fails)}"
    expected = closest.expected and f", where the model says {closest.expected}"
    sentence = f"no order of the calls explains their results; the closest fails at {failing}{expected}"
    return sentence, {"steps": [], "order": [*lines, failing], "expected": closest.expected}


def _line(made: MadeCall) -> str:
    return f"{called(made.op, made.arguments)} → {outcome_text(made.outcome)}"
