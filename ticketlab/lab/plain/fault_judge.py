"""What is wrong with an execution in which a fault was injected, for which its victim is not blamed.

A victim that was killed, or whose file failed it, may have done all, nothing, or a part: its result is unknown, and no
failure of its own counts. Everybody else has to come to an end as if the victim had either done all or never come. So
a survivor's failure is told unless it also happens where all go one after another without a fault, with the victim or
without it. The user's conditions are asked of every result that the victim may have had.

After a pause or a jump of the clock everybody did all, but times differ. So results and files that are those of no
order are told only if the test asks for `serial`, and an exception only beside a crossing that explains it: a waiter
that runs out of patience was told clearly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ticketlab.checker.observed import Pattern, patterns
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.steps import Action
from ticketlab.core.text import join_words
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import ended, is_cut_short, waits
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.executors.executor import Executor
from ticketlab.lab.exploring.stopping import raise_stopped
from ticketlab.lab.plain.function import Raised, Returned
from ticketlab.lab.plain.judge import (
    NameOf,
    PlainJudge,
    exception_anomaly,
    made_steps,
    participants,
    wait_sentence,
)
from ticketlab.lab.plain.serial import SerialRuns, final
from ticketlab.lab.plain.workload import PlainWorkload, process_name

_DELAYS: Final = frozenset({FaultKind.PAUSE, FaultKind.CLOCK})
_STUCK: Final = "waits for ever"


class FaultJudge(PlainJudge):
    """Judges executions with faults and without.

    `not_asked` lists whose loss the user's conditions do not allow for.
    """

    def __init__(self, workload: PlainWorkload) -> None:
        super().__init__(workload)
        self.not_asked: set[int] = set()
        self.unclear = False  # whether an execution ended as no order does, and nobody says whether that is right
        self._values: dict[int, dict[str, Any]] = {}  # by participant: what it returned in serial runs, by its text
        self._needed: set[frozenset[int]] = set()  # the participants without others, of which the conditions are false

    def learn_group(self, executor: Executor, who: Sequence[int]) -> Sequence[Execution]:
        """Learn what the given participants come to, and what they come to without each of them."""
        executions = super().learn_group(executor, who)
        for lost in who if len(who) > 1 else ():
            super().learn_group(executor, [one for one in who if one != lost])
        return executions

    def note_serial_run(self, execution: Execution) -> None:
        """Take down what was returned in a run one after another, and whether the user's conditions hold of it."""
        super().note_serial_run(execution)
        for record in execution.records:
            if isinstance(record.outcome, Returned):
                self._values.setdefault(record.buyer, {})[repr(record.outcome.value)] = record.outcome.value
        if self.conditions(execution):
            self._needed.add(participants(execution))

    def judge(self, execution: Execution) -> list[Anomaly]:
        """Return what went wrong in the execution that just ran."""
        lost = frozenset(who for who, fault in faults_met(execution).items() if fault.kind not in _DELAYS)
        if not execution.injected:
            return super().judge(execution)
        if not lost:
            found = super().judge(execution)
            alone = all(one.name == "exception" for one in found)
            return [] if alone and not patterns(made_steps(execution)) else found
        raise_stopped(execution)
        return self._after_loss(execution, lost)

    def _after_loss(self, execution: Execution, lost: frozenset[int]) -> list[Anomaly]:
        everybody = participants(execution)
        runs = [self.serial(everybody), self.serial(everybody - lost)]
        if execution.ending is not ExecutionEnd.COMPLETED:
            usual = any(_waits_in(run) for run in runs)
            return [] if usual or is_cut_short(execution) else [stuck_after_fault(execution)]
        usual_kinds = {kind for run in runs for _, kind in run.raised}
        failed = [
            (record.buyer, record.outcome)
            for record in execution.records
            if record.buyer not in lost and isinstance(record.outcome, Raised)
            if record.outcome.kind not in usual_kinds
        ]
        found = list(_torn(execution, lost, {who for who, _ in failed}))
        found += [exception_anomaly(who, outcome, execution) for who, outcome in failed]
        self._note_left_behind(execution, runs)
        if not failed and len(everybody) == self.processes:
            found += self._conditions_of_survivors(execution, lost)
        return found

    def _note_left_behind(self, execution: Execution, runs: Sequence[SerialRuns]) -> None:
        usual = frozenset[str]().union(*(run.left for run in runs))
        self.left_behind |= {name for name, _ in final(execution, self.workload).files} - usual

    def _conditions_of_survivors(self, execution: Execution, lost: frozenset[int]) -> list[Anomaly]:
        """Return what the user's conditions say of each result that the lost may have had, if of none they are true."""
        if participants(execution) - lost in self._needed:
            self.not_asked |= lost
            return []
        told = {record.buyer: record.outcome for record in execution.records if isinstance(record.outcome, Returned)}
        survivors = {who: outcome.value for who, outcome in told.items()}
        unknown = [who for who in lost if who not in told]
        found: list[Anomaly] = []
        for returned in self._possible(survivors, unknown):
            found = self.conditions(execution, [returned[who] for who in sorted(returned)])
            if not found:
                return []
        return found

    def _possible(self, returned: dict[int, Any], unknown: Sequence[int]) -> Iterator[dict[int, Any]]:
        """Yield what all may have returned, given what some did."""
        if not unknown:
            yield returned
            return
        who, *rest = unknown
        yield from self._possible(returned, rest)
        for value in self._values.get(who, {}).values():
            yield from self._possible({**returned, who: value}, rest)

    @property
    def left_out(self) -> list[str]:
        """What was not judged, in sentences."""
        return [*self._not_asked(), *self._unclear()]

    def _unclear(self) -> Iterator[str]:
        if self.unclear:
            yield (
                "after a pause or a jump of the clock, results and files were those of no order, which may come of the "
                "time alone: say what is right with an invariant, or ask for serial"
            )

    def _not_asked(self) -> Iterator[str]:
        if self.not_asked:
            lost = " or ".join(process_name(who) for who in sorted(self.not_asked))
            yield (
                f"what shall hold afterwards does not hold without {lost}, so it was not asked where a fault was "
                "injected into it"
            )

    def note_strange(self, crossed: Sequence[Pattern]) -> None:
        """Take note that an execution ended as no order does."""
        plain = self.workload.plain
        self.unclear = self.unclear or (bool(crossed) and plain.invariant is None and plain.returned is None)


def faults_met(execution: Execution) -> dict[int, Fault]:
    """Return which participants met a fault in an execution, and which."""
    trace = execution.trace
    steps = zip(trace.who, trace.steps, strict=True)
    found = {who: Fault.parse(step.resource) for who, step in steps if step.action is Action.FAULT}
    notes = (note for note in execution.notes if note.what == "fault")
    return found | {trace.who[note.step]: Fault.parse(str(note.value)) for note in notes}


def _waits_in(runs: SerialRuns) -> bool:
    return any(outcome == _STUCK for end in runs.ends for _, outcome in end.outcomes)


def stuck_after_fault(execution: Execution, name_of: NameOf = process_name) -> Anomaly:
    """Say why the survivors do not come to an end; `name_of` says how people call a participant."""
    trace, dead = execution.trace, ended(execution.trace)
    gone = join_words([f"{name_of(who)} was {how}" for who, how in sorted(dead.items())])
    told = waits(trace)
    held = bool(told) and all(wait.holders and dead.keys() >= set(wait.holders) for wait in told)
    name = "lock never released" if held else "survivors blocked for ever"
    evidence = [{"who": name_of(wait.who), "waits": describe_step(wait.step)} for wait in told]
    sentence = "; ".join(wait_sentence(execution, wait, name_of) for wait in told)
    return Anomaly(name, f"{sentence}: {gone}" if gone else sentence, {"waits": evidence})


def _torn(execution: Execution, lost: frozenset[int], failed: set[int]) -> Iterator[Anomaly]:
    """Yield that somebody failed that had read a file which a process left emptied when it was killed."""
    steps = execution.trace.steps
    for victim in lost & ended(execution.trace).keys():
        emptied: dict[str, int] = {}
        for node, (who, step) in enumerate(zip(execution.trace.who, steps, strict=True)):
            path = step.shown
            if who == victim and step.action in (Action.TRUNCATE, Action.CREATE):
                emptied[path] = node
            elif step.action in (Action.WRITE, Action.APPEND, Action.RENAME, Action.UNLINK):
                emptied.pop(path, None)
            elif step.action is Action.READ and who in failed and path in emptied:
                names = f"{process_name(who)} read {path}, which {process_name(victim)} had emptied"
                evidence = {"path": path, "steps": [emptied[path] + 1, node + 1]}
                yield Anomaly("torn read", f"{names}; it was killed before it wrote", evidence)
                return
