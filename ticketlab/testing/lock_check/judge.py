"""The judge of a lock: whether two were inside at once, and what else came to light on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ticketlab.checker.observed import MadeStep
from ticketlab.core.faults import FaultKind
from ticketlab.core.steps import Action, Step
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.executor import Executor
from ticketlab.lab.exploring.stopping import raise_stopped
from ticketlab.lab.plain.function import Raised
from ticketlab.lab.plain.judge import PlainJudge, made_steps, stuck
from ticketlab.lab.plain.workload import PlainWorkload, process_name

SECTION: Final = "critical section"
IN: Final = Step(Action.GET_INTO, SECTION)
OUT: Final = Step(Action.GET_OUT_OF, SECTION)
TWO_HOLDERS: Final = "two holders"


class LockJudge(PlainJudge):
    """Judges whether two holders were inside at once and, if `waits_end`, whether somebody waits for ever.

    What is no break of a law is kept: how many got in, one after another, in one execution; the executions that came to
    no end; what processes returned.
    """

    def __init__(self, workload: PlainWorkload, *, waits_end: bool) -> None:
        super().__init__(workload)
        self._waits_end = waits_end
        self.most_entered = 0
        self.waiting: Anomaly | None = None
        self.cut_off = 0
        self.blind = False  # whether somebody got in without a step of the lock's
        self.told: Counter[str] = Counter()

    def learn_smaller(self, executor: Executor) -> None:
        """Do nothing: what comes of it one after another is no measure here."""

    def judge(self, execution: Execution) -> list[Anomaly]:
        """Return that two were inside at once, or that somebody waits for ever."""
        raise_stopped(execution)
        steps = made_steps(execution)
        self._note(execution, steps)
        if found := two_holders(steps):
            return [found]
        if execution.ending is ExecutionEnd.STUCK:
            self.waiting = stuck(execution)
            return [self.waiting] if self._waits_end else []
        return []

    def _note(self, execution: Execution, steps: Sequence[MadeStep]) -> None:
        self.cut_off += execution.ending is ExecutionEnd.ENDLESS
        moved, entered = set[int](), set[int]()
        for who, step, _ in steps:
            if step == IN:
                entered.add(who)
                self.blind = self.blind or who not in moved
            elif step != OUT:
                moved.add(who)
        self.most_entered = max(self.most_entered, len(entered))
        for record in execution.records:
            outcome = record.outcome
            if isinstance(outcome, Raised):
                self.told[f"a process ended with {outcome.kind}: {outcome.text}"] += 1
            else:
                self.told.update(outcome.value or ())


def two_holders(steps: Sequence[MadeStep]) -> Anomaly | None:
    """Return the first moment at which a participant got in while another was inside; the dead are not inside."""
    inside: dict[int, int] = {}
    for node, (who, step, _) in enumerate(steps, 1):
        if step == OUT or (step.action is Action.FAULT and step.resource == FaultKind.KILL.value):
            inside.pop(who, None)
        elif step == IN:
            if others := inside.keys() - {who}:
                other = min(others)
                sentence = f"{process_name(who)} got in while {process_name(other)} was inside"
                return Anomaly(TWO_HOLDERS, sentence, {"steps": [inside[other], node]})
            inside[who] = node
    return None
