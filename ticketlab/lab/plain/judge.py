"""What is wrong with an execution of a plain function, without a word from the user and by the user's own invariant.

A crossing of two participants (`checker.observed`) is told only where it did harm: where the outcome is none that they
come to one after another, in any order, or where it made somebody fail who otherwise does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ticketlab.checker.observed import MadeStep, Pattern, patterns
from ticketlab.core.pacing import Action
from ticketlab.core.text import join_words
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import Wait, cycle, holders, waits
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Trace
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.executors.executor import Executor
from ticketlab.lab.exploring.function_workload import raise_stopped
from ticketlab.lab.plain.function import Raised, Returned, bound, source_of
from ticketlab.lab.plain.serial import RunResult, SerialRuns, final, serial_runs, smaller
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.probes.here import HERE


class PlainJudge:
    """Judges executions of a workload right after they ran."""

    def __init__(self, workload: PlainWorkload) -> None:
        self._workload = workload
        self._plain = workload.plain
        self._serial: dict[frozenset[int], SerialRuns] = {}

    def learn(self, executor: Executor) -> Sequence[Execution]:
        """Learn what the participants come to one after another; return these runs. No search may be going on."""
        everybody = range(len(executor.scripts))
        self._serial[frozenset(everybody)], executions = serial_runs(executor, self._workload, everybody)
        return executions

    def learn_smaller(self, executor: Executor) -> None:
        """Learn the same for when some are left out."""
        for who in smaller(range(len(executor.scripts))):
            self._serial[frozenset(who)], _ = serial_runs(executor, self._workload, who)

    def judge(self, execution: Execution) -> list[Anomaly]:
        """Return what went wrong in the execution that just ran, the cause before its consequences.

        Raises what a participant raised to end the whole search.
        """
        raise_stopped(execution)
        who = _participants(execution)
        serial = self._serial.get(who, SerialRuns())
        if execution.ending is not ExecutionEnd.COMPLETED:
            alone = len(who) < self._plain.processes and serial.stuck == serial.orders > 0
            return [] if alone else [stuck(execution)]  # who waits for somebody that was left out is no finding
        raised = [(record.buyer, record.outcome) for record in execution.records if isinstance(record.outcome, Raised)]
        failed = [(who, outcome) for who, outcome in raised if not serial.orders or not serial.allows(who, outcome)]
        found = list(self._by_steps(execution, serial, failed=bool(failed)))
        found += [_exception(who, outcome, execution) for who, outcome in failed]
        if not failed and len(execution.records) == self._plain.processes:
            found += self._by_request(execution)
        return found

    def _by_steps(self, execution: Execution, serial: SerialRuns, *, failed: bool) -> Iterator[Anomaly]:
        """Yield the crossing that did harm, and what is left behind."""
        crossed = patterns(made_steps(execution))
        if not crossed and not self._plain.serial and not serial.made - serial.left:
            return
        result = final(execution, self._workload)
        strange = bool(serial.orders) and result not in serial.ends
        if crossed and (failed or strange):
            yield _crossing(crossed[0], execution)
        elif strange and self._plain.serial:
            sentence = "results and files are not those of any order of the processes one after another"
            yield Anomaly("not serializable", sentence, {"files": sorted(name for name, _ in result.files)})
        yield from _left_behind(result, serial)

    def _by_request(self, execution: Execution) -> Iterator[Anomaly]:
        """Yield what the user's own conditions say."""
        plain = self._plain
        returned = [
            record.outcome.value
            for record in sorted(execution.records, key=lambda one: one.buyer)
            if isinstance(record.outcome, Returned)
        ]
        if plain.returned is not None and plain.returned(returned) is False:
            yield Anomaly("wrong results", f"the processes returned {returned!r}", {"returned": repr(returned)})
        if plain.invariant is not None:
            given = {"folder": self._workload.folder, "returned": returned, **plain.fixtures}
            yield from _broken(bound(plain.invariant, given))


def made_steps(execution: Execution) -> list[MadeStep]:
    """Return who made which step, in order."""
    trace, table = execution.trace, execution.trace.table
    return [
        MadeStep(who, table.step(what), table.symbols[what].refused)
        for who, what in zip(trace.who, trace.what, strict=True)
    ]


def process_name(who: int) -> str:
    """Return how people call a participant."""
    return f"{HERE.shared.participant} {who + 1}"


def _participants(execution: Execution) -> frozenset[int]:
    return frozenset(record.buyer for record in execution.records) | {who for who, _, _ in execution.unanswered}


_CROSSINGS = {
    "lost update": "{first} read {path}, {second} changed it, and {first} wrote over a change that it had not seen",
    "torn read": "{first} read {path} while {second} was in the middle of writing it",
    "check then act": "{first} looked for {path}, {second} changed what stands there, and {first} acted on its look",
}


def _crossing(pattern: Pattern, execution: Execution) -> Anomaly:
    who = [execution.trace.who[node] for node in pattern.steps]
    first, second = (who[1], who[0]) if pattern.kind == "torn read" else (who[0], who[1])
    names = {"first": process_name(first), "second": process_name(second), "path": pattern.path}
    evidence = {"path": pattern.path, "steps": [node + 1 for node in pattern.steps]}
    return Anomaly(pattern.kind, _CROSSINGS[pattern.kind].format(**names), evidence)


def _exception(who: int, outcome: Raised, execution: Execution) -> Anomaly:
    name = "assertion failed" if outcome.kind == "AssertionError" else "exception"
    at = f" ({outcome.where})" if outcome.where else ""
    said = f"{outcome.kind}: {outcome.text}" if outcome.text else outcome.kind
    last = [node for node, one in enumerate(execution.trace.who, 1) if one == who][-1:]
    return Anomaly(name, f"{process_name(who)} ended with {said}{at}", {**outcome._asdict(), "steps": last})


def _broken(holds: Any) -> Iterator[Anomaly]:
    try:
        held = holds()
    except AssertionError as error:
        said = str(error).partition("\n")[0] or source_of(error)
        yield Anomaly("invariant broken", f"afterwards the invariant fails: {said}")
        return
    if held is False:
        yield Anomaly("invariant broken", "afterwards the invariant is false")


def _left_behind(result: RunResult, serial: SerialRuns) -> Iterator[Anomaly]:
    """Yield the names that every run one after another makes and removes, and that are left here."""
    names = sorted({name for name, _ in result.files} & (serial.made - serial.left))
    if names:
        yield Anomaly("left behind", f"{join_words(names)} {'is' if len(names) == 1 else 'are'} left", {"names": names})


def stuck(execution: Execution) -> Anomaly:
    """Say why an execution did not come to its end."""
    trace = execution.trace
    if execution.ending is ExecutionEnd.ENDLESS:
        steps = list(dict.fromkeys(describe_step(trace.table.step(what)) for what in trace.what[-4:]))
        sentence = f"after {len(trace)} steps the processes are not done: they keep making {join_words(steps)}"
        return Anomaly("livelock", sentence, {"steps": [], "last": steps})
    waiting = waits(trace)
    ring = cycle(waiting)
    tries = all(wait.tries and not wait.holders for wait in waiting)
    name = "deadlock" if ring or not tries else "livelock"
    told = ring or waiting
    evidence = [{"who": process_name(wait.who), "waits": describe_step(wait.step)} for wait in told]
    return Anomaly(name, "; ".join(_waits(trace, wait) for wait in told), {"waits": evidence})


def _waits(trace: Trace, wait: Wait) -> str:
    mine = [resource for resource, who in holders(trace).items() if wait.who in who]
    holds = f"holds {join_words(mine)} and " if mine else ""
    who = process_name(wait.who)
    if wait.holders:
        them = join_words([process_name(one) for one in wait.holders])
        return f"{who} {holds}waits for {wait.step.shown}, held by {them}"
    how = "tries again and again" if wait.tries else "waits"
    to = "" if wait.step.action is Action.AWAIT and not wait.tries else "to "
    what = describe_step(wait.step).removeprefix("" if to else "wait ")
    return f"{who} {holds}{how} {to}{what}, and nobody is left to make that possible"
