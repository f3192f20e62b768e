"""What is wrong with an execution of a plain function, without a word from the user and by the user's own invariant.

A crossing of two participants (`checker.observed`) is told only where it did harm: where the outcome is none that they
come to one after another, in any order, or where it made somebody fail who otherwise does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ticketlab.checker.observed import MadeStep, Pattern, patterns
from ticketlab.core.pacing import BEGINNING
from ticketlab.core.steps import Action
from ticketlab.core.text import join_words, pluralize
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import Wait, cycle, held_by_tasks, holders, is_cut_short, task_waits
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.executors.executor import Executor
from ticketlab.lab.exploring.stopping import raise_stopped
from ticketlab.lab.plain.conditions import broken_conditions, refuse_failing
from ticketlab.lab.plain.function import Raised, Returned
from ticketlab.lab.plain.serial import RunResult, SerialRuns, final, left_behind, serial_runs, smaller
from ticketlab.lab.plain.workload import PlainWorkload, process_name
from ticketlab.probes.clock import LEADING

NameOf = Callable[[int], str]
"""Says how people call a participant."""


@dataclass(slots=True)
class JudgeCounts:
    """How many executions of tasks ended as no order does, though nothing says whether that is wrong."""

    in_no_order: int = 0


class PlainJudge:
    """Judges executions of a workload right after they ran."""

    def __init__(self, workload: PlainWorkload) -> None:
        self.workload = workload
        self._plain = workload.plain
        self._serial: dict[frozenset[int], SerialRuns] = {}
        self.left_behind: set[str] = set()  # the names that only a fault has left
        self.begins_together = False  # whether all come to their first steps before one of them moves
        self.counted = JudgeCounts()

    def learn(self, executor: Executor) -> Sequence[Execution]:
        """Learn what the participants come to one after another; return these runs. No search may be going on."""
        everybody = range(len(executor.scripts))
        self._serial.pop(frozenset(everybody), None)
        executions = self.learn_group(executor, everybody)
        if self._plain.judges_returned and not self._plain.serial:  # then one may have nothing to do for another's sake
            self.learn_smaller(executor)
        return executions

    def learn_smaller(self, executor: Executor) -> None:
        """Learn the same for when some are left out."""
        for who in smaller(range(len(executor.scripts))):
            self.learn_group(executor, who)

    def learn_group(self, executor: Executor, who: Sequence[int]) -> Sequence[Execution]:
        """Learn what the given participants come to without the others, unless that is known; return these runs."""
        if frozenset(who) in self._serial:
            return ()
        self._serial[frozenset(who)], executions = serial_runs(executor, self.workload, who, self.note_serial_run)
        return executions

    def forget(self) -> None:
        """Forget what was learnt."""
        self._serial.clear()

    def note_serial_run(self, execution: Execution) -> None:
        """Check that the user's conditions can speak of a run one after another, right after it ran."""
        if len(execution.records) < self.processes or any(isinstance(one.outcome, Raised) for one in execution.records):
            return
        refuse_failing(self.conditions(execution))

    def note_strange(self, crossed: Sequence[Pattern]) -> None:
        """Take note that an execution with a fault ended as no order does; a fault may have let time pass."""

    def serial(self, who: frozenset[int]) -> SerialRuns:
        """Return what was learnt of the given participants."""
        return self._serial.get(who, SerialRuns())

    @property
    def left_out(self) -> Sequence[str]:
        """What was not judged, in sentences."""
        if self.begins_together:
            return ("what threads do before their first step was tried in one order only: another is to begin first",)
        if not self.counted.in_no_order:
            return ()
        ended = (
            f"{pluralize(self.counted.in_no_order, 'execution')} ended as no order of the tasks one after another does"
        )
        return (f"{ended}: say what is right with an invariant, or ask for serial",)

    @property
    def processes(self) -> int:
        """How many processes there are if none is left out."""
        return self._plain.processes

    def judge(self, execution: Execution) -> list[Anomaly]:
        """Return what went wrong in the execution that just ran, the cause before its consequences.

        Raises what a participant raised to end the whole search.
        """
        raise_stopped(execution)
        if execution.ending is not ExecutionEnd.COMPLETED:
            who = participants(execution)
            serial = self.serial(who)
            alone = len(who) < self._plain.processes and serial.stuck == serial.orders > 0
            if alone or is_cut_short(execution):  # who waits for somebody that was left out is no finding
                return []
            return [stuck(execution)]
        serial = self.serial(participants(execution))
        raised = [(record.buyer, record.outcome) for record in execution.records if isinstance(record.outcome, Raised)]
        failed = [(who, outcome) for who, outcome in raised if not serial.orders or not serial.allows(who, outcome)]
        result = final(execution, self.workload) if self._asks_for_result(execution, serial) else None
        asked = not failed and len(execution.records) == self.processes
        broken = list(self.conditions(execution)) if asked else []
        found = [] if result is None else list(self._by_steps(execution, serial, result, failed, broken))
        return [*found, *(exception_anomaly(who, outcome, execution) for who, outcome in failed), *broken]

    def _asks_for_result(self, execution: Execution, serial: SerialRuns) -> bool:
        """Whether it makes a difference what files an execution left."""
        always = self._plain.serial or self._is_unsaid or bool(serial.made - serial.left)
        return always or bool(patterns(made_steps(execution)))

    @property
    def _is_unsaid(self) -> bool:
        """Whether nothing says what tasks come to: what they do to each other's objects is in no step."""
        plain = self._plain
        return plain.in_tasks and plain.invariant is None and plain.returned is None

    def _by_steps(
        self,
        execution: Execution,
        serial: SerialRuns,
        result: RunResult,
        failed: Sequence[tuple[int, Raised]],
        broken: Sequence[Anomaly],
    ) -> Iterator[Anomaly]:
        """Yield the crossing that did harm, and what is left behind."""
        strange = self._is_strange(execution, serial, result, broken)
        crossed = patterns(made_steps(execution), None if broken else {who for who, _ in failed})
        if strange and execution.injected and not self._plain.serial:
            self.note_strange(crossed)
            strange = False
        if crossed and (failed or strange):
            yield crossing(crossed[0], execution)
        elif strange and self._plain.serial:
            who = "tasks" if self._plain.in_tasks else "processes"
            sentence = f"results and files are not those of any order of the {who} one after another"
            yield Anomaly("not serializable", sentence, {"files": sorted(name for name, _ in result.files)})
        elif strange and self._is_unsaid and not failed:
            self.counted.in_no_order += 1
        yield from left_behind(result, serial)

    def _is_strange(
        self, execution: Execution, serial: SerialRuns, result: RunResult, broken: Sequence[Anomaly]
    ) -> bool:
        """Whether an execution ended as no order of its participants does, whatever their clocks showed.

        Where the user's conditions say which results are right, only files and shared objects are compared; and whoever
        changed nothing, as one that found a lock taken and gave up, may as well not have been there.
        """
        if not serial.orders or result in serial.ends:
            return False
        result, ends = result.timeless, {end.timeless for end in serial.ends}
        if result in ends:
            return False
        told = self._plain.judges_returned and not self._plain.serial and not broken
        if not told or len(execution.records) < self.processes:
            return True
        acting = frozenset(move.who for move in made_steps(execution) if not move.refused and move.step.alters)
        ends |= {end.timeless for end in self.serial(acting).ends}
        return all(result.files != end.files for end in ends)

    def conditions(self, execution: Execution, returned: list[Any] | None = None) -> list[Anomaly]:
        """Return what the user's own conditions say when an execution has just ended.

        `returned` is what the participants returned, if that is to be taken for something else than it was.
        """
        returned = returned_by(execution) if returned is None else returned
        with LEADING.showing(BEGINNING + execution.ended):
            return list(broken_conditions(self._plain, self.workload.folder, returned))


def returned_by(execution: Execution) -> list[Any]:
    """Return what those participants returned that did, in their order."""
    records = sorted(execution.records, key=lambda one: one.buyer)
    return [one.outcome.value for one in records if isinstance(one.outcome, Returned)]


def made_steps(execution: Execution) -> list[MadeStep]:
    """Return who made which step, in order."""
    trace, table = execution.trace, execution.trace.table
    return [
        MadeStep(who, table.step(what), table.symbols[what].refused)
        for who, what in zip(trace.who, trace.what, strict=True)
    ]


def participants(execution: Execution) -> frozenset[int]:
    """Return who took part in an execution."""
    return frozenset(record.buyer for record in execution.records) | {who for who, _, _ in execution.unanswered}


_CROSSINGS = {
    "lost update": "{first} read {path}, {second} changed it, and {first} wrote over a change that it had not seen",
    "torn read": "{first} read {path} while {second} was in the middle of writing it",
    "check then act": "{first} looked for {path}, {second} changed what stands there, and {first} acted on its look",
}
_STALE = "{first} read {path}, {second} changed it, and {first} acted on what it had read"


def crossing(pattern: Pattern, execution: Execution, name: NameOf = process_name) -> Anomaly:
    """Return that two participants crossed each other; `name` says how people call one."""
    who = [execution.trace.who[node] for node in pattern.steps]
    first, second = (who[1], who[0]) if pattern.kind == "torn read" else (who[0], who[1])
    names = {"first": name(first), "second": name(second), "path": pattern.path}
    evidence = {"path": pattern.path, "steps": [node + 1 for node in pattern.steps]}
    read = execution.trace.table.step(execution.trace.what[pattern.steps[0]]).action is Action.READ
    sentence = _STALE if read and pattern.kind == "check then act" else _CROSSINGS[pattern.kind]
    return Anomaly(pattern.kind, sentence.format(**names), evidence)


def exception_anomaly(who: int, outcome: Raised, execution: Execution) -> Anomaly:
    """Return that a participant ended by an exception."""
    name = "assertion failed" if outcome.kind == "AssertionError" else "exception"
    at = f" ({outcome.where})" if outcome.where else ""
    said = f"{outcome.kind}: {outcome.text}" if outcome.text else outcome.kind
    last = [node for node, one in enumerate(execution.trace.who, 1) if one == who][-1:]
    return Anomaly(name, f"{process_name(who)} ended with {said}{at}", {**outcome._asdict(), "steps": last})


def stuck(execution: Execution, name_of: NameOf = process_name) -> Anomaly:
    """Say why an execution did not come to its end."""
    waiting = task_waits(execution)
    ring = cycle(waiting)
    tries = all(wait.tries and not wait.holders for wait in waiting)
    name = "deadlock" if ring or not tries else "livelock"
    told = ring or waiting
    evidence = [{"who": name_of(wait.who), "waits": describe_step(wait.step)} for wait in told]
    return Anomaly(name, "; ".join(wait_sentence(execution, wait, name_of) for wait in told), {"waits": evidence})


def wait_sentence(execution: Execution, wait: Wait, name_of: NameOf = process_name) -> str:
    """Say who waits for what."""
    mine = [resource for resource, who in holders(execution.trace).items() if wait.who in who]
    mine += [name for name, who in held_by_tasks(execution).items() if wait.who == who]
    holds = f"holds {join_words(mine)} and " if mine else ""
    who = name_of(wait.who)
    if wait.holders:
        them = join_words([name_of(one) for one in wait.holders])
        return f"{who} {holds}waits for {wait.step.shown}, held by {them}"
    how = "tries again and again" if wait.tries else "waits"
    to = "" if wait.step.action is Action.AWAIT and not wait.tries else "to "
    what = describe_step(wait.step).removeprefix("" if to else "wait ")
    return f"{who} {holds}{how} {to}{what}, and nobody is left to make that possible"
