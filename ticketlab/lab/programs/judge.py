"""What is wrong with an execution of a program, without a word from the user and by the user's own conditions."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from ticketlab.checker.observed import patterns
from ticketlab.core.file_names import BESIDE
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import is_cut_short
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.workload import NOTHING, Place
from ticketlab.lab.plain.judge import crossing, made_steps, stuck
from ticketlab.lab.programs.ends import ProgramEnd, SerialEnds, end_of_run, files_left, serial_ends
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.invariant import broken_invariant
from ticketlab.lab.programs.run import ProcessEnd

_MOST_GROUPS: Final = 16


class ProgramJudge:
    """Judges executions of a program right after they ran.

    A crossing of two participants (`checker.observed`) is told only where it did harm: where the end is none that the
    participants come to one after another, or where it made somebody fail who otherwise does not.
    """

    not_serializable = "files, outputs and exit codes are not those of any order of the participants one after another"

    def __init__(self, executor: ProgramExecutor) -> None:
        self._executor = executor
        self._program = executor.program
        self._serial: dict[frozenset[Place], SerialEnds] = {}
        self.left_behind: set[str] = set()
        """The names of files that only a fault has left."""

    def learn(self, without: frozenset[Place] = NOTHING) -> Sequence[Execution]:
        """Learn what the participants come to one after another, and return these executions."""
        self._serial[without], executions = serial_ends(
            self._executor, without, lambda order, execution: self._note(without, order, execution)
        )
        return executions

    def _note(self, without: frozenset[Place], order: Sequence[str], execution: Execution) -> None:
        """Take note of an execution one after another, right after it ran."""

    def learn_smaller(self) -> None:
        """Learn the same for when commands are left out, the smallest groups first, if these are not too many."""
        commands = range(len(self._executor.scripts))
        for size in range(len(commands) - 1, 0, -1):
            if len(self._serial) > _MOST_GROUPS:
                return
            for left_out in combinations(commands, size):
                self.learn(frozenset((who, 0) for who in left_out))

    @property
    def left_out(self) -> Sequence[str]:
        """What was not judged, in sentences."""
        return ()

    @property
    def serial(self) -> SerialEnds:
        """What all participants come to one after another."""
        return self._serial[NOTHING]

    def knows(self, without: frozenset[Place]) -> bool:
        """Whether it is known, or was learnt now, what the others come to if some are left out."""
        return without in self._serial

    def judge(self, execution: Execution, without: frozenset[Place] = NOTHING) -> list[Anomaly]:
        """Return what went wrong in the execution that just ran, the cause before its consequences."""
        serial = self._serial.get(without)
        if execution.ending is not ExecutionEnd.COMPLETED:
            if without and (serial is None or serial.stuck):
                return []  # who waits for somebody that was left out is no finding
            if self._executor.run_of.wakes_unseen or is_cut_short(execution):
                return []
            return [stuck(execution, self.name_of)]
        run = self._executor.run_of
        failed = [end for end in run.ends if self.is_blamed(end, serial, without)]
        end = end_of_run(run, self._executor.folder)
        broken = [] if without else list(self._conditions(failed))
        strange = serial is not None and self._is_strange(end, serial, broken)
        found = list(self._crossings(execution, end, failed=bool(failed), strange=strange))
        found += [self._failure(each, execution) for each in failed]
        found += self._left(end, serial, failed=bool(failed))
        return [*found, *broken]

    def _conditions(self, _failed: Sequence[ProcessEnd]) -> Iterator[Anomaly]:
        """Yield what the user's own conditions say of the execution that just ran."""
        yield from self.by_invariant()

    def _failure(self, end: ProcessEnd, _execution: Execution) -> Anomaly:
        """Return what is wrong with a process that has failed."""
        return failure(end)

    def by_invariant(self) -> Iterator[Anomaly]:
        """Yield what the user's condition says of the execution that just ran."""
        outputs = self._executor.run_of.output_of_commands(len(self._program.commands))
        yield from broken_invariant(self._program, self._executor.folder, outputs)

    def name_of(self, who: int) -> str:
        """Return how people call a participant."""
        name = self._executor.run_of.names.get(who, str(who + 1))
        return f"process {name}"

    def is_blamed(self, end: ProcessEnd, serial: SerialEnds | None, _without: frozenset[Place] = NOTHING) -> bool:
        """Whether a process has failed that does not fail in some orders one after another."""
        if not end.has_failed or end.code in self._program.allowed:
            return False
        return serial is None or not serial.sometimes(end.name, end.code)

    def _is_strange(self, end: ProgramEnd, serial: SerialEnds, _broken: Sequence[Anomaly]) -> bool:
        """Whether it is known that no order of the participants ends so."""
        return serial.complete and serial.repeats and not serial.allows(end)

    def _crossings(self, execution: Execution, end: ProgramEnd, *, failed: bool, strange: bool) -> Iterator[Anomaly]:
        crossed = patterns(made_steps(execution)) if failed or strange else []
        crossed = [each for each in crossed if not each.path.endswith(BESIDE)]  # which SQLite locks rightly
        if crossed:
            yield crossing(crossed[0], execution, self.name_of)
        elif strange and self._program.serial:
            yield Anomaly("not serializable", self.not_serializable, {"files": sorted(name for name, _ in end.files)})

    def _left(self, end: ProgramEnd, serial: SerialEnds | None, *, failed: bool) -> Iterator[Anomaly]:
        """Yield what is left behind; who failed may leave what it had begun."""
        if serial is None or not serial.repeats or not serial.complete or failed:
            return
        yield from files_left(end, serial)


def failure(end: ProcessEnd) -> Anomaly:
    """Return what is wrong with a process that has failed."""
    lines = end.output.strip().splitlines()
    said = f": {lines[-1]}" if lines and end.code != 0 else ""
    if end.code is not None and end.code < 0:
        return Anomaly("killed", f"process {end.name} was ended by {_signal(-end.code)}{said}", {"process": end.name})
    name = "exception" if end.raised else "exit code"
    return Anomaly(name, f"process {end.name} ended with exit code {end.code}{said}", {"process": end.name})


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
