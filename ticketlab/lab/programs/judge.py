"""What is wrong with an execution of a program, without a word from the user and by the user's own conditions."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from ticketlab.checker.observed import patterns
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.text import join_words
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.workload import NOTHING, Place
from ticketlab.lab.plain.judge import crossing, made_steps, stuck
from ticketlab.lab.programs.ends import ProgramEnd, SerialEnds, end_of_run, left_behind, serial_ends
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.run import ProcessEnd

_MOST_GROUPS: Final = 16
_LONGEST_INVARIANT: Final = 60  # seconds


class ProgramJudge:
    """Judges executions of a program right after they ran.

    A crossing of two participants (`checker.observed`) is told only where it did harm: where the end is none that the
    participants come to one after another, or where it made somebody fail who otherwise does not.
    """

    def __init__(self, executor: ProgramExecutor) -> None:
        self._executor = executor
        self._program = executor.program
        self._serial: dict[frozenset[Place], SerialEnds] = {}

    def learn(self, without: frozenset[Place] = NOTHING) -> Sequence[Execution]:
        """Learn what the participants come to one after another, and return these executions."""
        self._serial[without], executions = serial_ends(self._executor, without)
        return executions

    def learn_smaller(self) -> None:
        """Learn the same for when commands are left out, the smallest groups first, if these are not too many."""
        commands = range(len(self._executor.scripts))
        for size in range(len(commands) - 1, 0, -1):
            if len(self._serial) > _MOST_GROUPS:
                return
            for left_out in combinations(commands, size):
                self.learn(frozenset((who, 0) for who in left_out))

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
            return [stuck(execution, self.name_of)]
        run = self._executor.run_of
        failed = [end for end in run.ends if self._has_failed(end, serial)]
        end = end_of_run(run, self._executor.folder)
        found = list(self._crossings(execution, end, serial, failed=bool(failed)))
        found += [_failure(each) for each in failed]
        found += self._left(end, serial, failed=bool(failed))
        if not without:
            found += self._by_invariant()
        return found

    def name_of(self, who: int) -> str:
        """Return how people call a participant."""
        name = self._executor.run_of.names.get(who, str(who + 1))
        return f"process {name}"

    def _has_failed(self, end: ProcessEnd, serial: SerialEnds | None) -> bool:
        if not end.has_failed or end.code in self._program.allowed:
            return False
        return serial is None or not serial.sometimes(end.name, end.code)

    def _crossings(
        self, execution: Execution, end: ProgramEnd, serial: SerialEnds | None, *, failed: bool
    ) -> Iterator[Anomaly]:
        known = serial is not None and serial.complete and serial.repeats
        strange = known and serial is not None and not serial.allows(end)
        crossed = patterns(made_steps(execution)) if failed or strange else []
        if crossed:
            yield crossing(crossed[0], execution, self.name_of)
        elif strange and self._program.serial:
            yield Anomaly(
                "not serializable",
                "files, outputs and exit codes are not those of any order of the participants one after another",
                {"files": sorted(name for name, _ in end.files)},
            )

    def _left(self, end: ProgramEnd, serial: SerialEnds | None, *, failed: bool) -> Iterator[Anomaly]:
        """Yield what is left behind; who failed may leave what it had begun."""
        if serial is None or not serial.repeats or not serial.complete or failed:
            return
        names = list(left_behind(end, serial))
        if names:
            are = "is" if len(names) == 1 else "are"
            yield Anomaly("left behind", f"{join_words(names)} {are} left", {"names": names})

    def _by_invariant(self) -> Iterator[Anomaly]:
        if not self._program.invariant:
            return
        command = list(self._program.invariant)
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command
                command,
                cwd=self._executor.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                timeout=_LONGEST_INVARIANT,
                check=False,
            )
        except OSError as error:
            raise UsageError(f"the invariant {command[0]} cannot be run: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise TicketlabError(f"the invariant {command[0]} has not ended after {_LONGEST_INVARIANT} s") from None
        if done.returncode:
            lines = done.stdout.decode(errors="replace").strip().splitlines()
            said = f": {lines[-1]}" if lines else ""
            yield Anomaly("invariant broken", f"afterwards the invariant ends with {done.returncode}{said}")


def _failure(end: ProcessEnd) -> Anomaly:
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
