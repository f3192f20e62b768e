"""What is wrong with an execution of a program in which a fault was injected, for which its victim is not blamed.

A victim may have done all, nothing, or a part, and whoever has started it may say so. Everybody else has to come to an
end: a survivor's failure is told unless it also happens where all go one after another without a fault. The invariant
is asked only if it holds without the victim as well, which can be known only of a command.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import is_cut_short
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.workload import NOTHING, Place
from ticketlab.lab.plain.fault_judge import faults_met, stuck_after_fault
from ticketlab.lab.programs.ends import end_of_run
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.judge import ProgramJudge, failure


class ProgramFaultJudge(ProgramJudge):
    """Judges executions with faults and without; `left_behind` has the names of files that only a fault has left."""

    @property
    def left_out(self) -> Sequence[str]:
        """What was not judged, in sentences."""
        if not self.not_asked:
            return ()
        lost = " or ".join(f"process {name}" for name in sorted(self.not_asked))
        unknown = f"whether the invariant holds without {lost} is not known"
        return (f"{unknown}, so it was not asked where a fault was injected into it",)

    def __init__(self, executor: ProgramExecutor) -> None:
        super().__init__(executor)
        self.not_asked: set[str] = set()
        """The victims without whom the invariant does not hold, or is not known to."""
        self._holds: set[frozenset[Place]] = set()  # those without whom it does

    def learn_without_each(self) -> None:
        """Learn whether the invariant holds without each of the commands."""
        commands = len(self._executor.scripts)
        for who in range(commands if commands > 1 else 0):
            without: frozenset[Place] = frozenset({(who, 0)})
            self.learn(without)
            if not list(self.by_invariant()):
                self._holds.add(without)

    def judge(self, execution: Execution, without: frozenset[Place] = NOTHING) -> list[Anomaly]:
        """Return what went wrong in the execution that just ran."""
        lost = {self._executor.run_of.names[who] for who in faults_met(execution)}
        if not lost:
            return super().judge(execution, without)
        if execution.ending is not ExecutionEnd.COMPLETED:
            return [] if self.serial.stuck or is_cut_short(execution) else [stuck_after_fault(execution, self.name_of)]
        run = self._executor.run_of
        spared = {end.name for end in run.ends if any(_is_or_started(end.name, victim) for victim in lost)}
        failed = [end for end in run.ends if end.name not in spared and self.is_blamed(end, self.serial)]
        end = end_of_run(run, self._executor.folder)
        self.left_behind |= {name for name, _ in end.files} - self.serial.left
        found = [failure(each) for each in failed]
        if not failed and not without:
            found += self._invariant_without(lost)
        return found

    def _invariant_without(self, lost: set[str]) -> list[Anomaly]:
        """Return what the invariant says, unless it may be false only since a victim has not done its part."""
        if not self._program.invariant:
            return []
        for victim in lost:
            without: frozenset[Place] = frozenset({(int(victim) - 1, 0)}) if victim.isdigit() else NOTHING
            if without not in self._holds:
                self.not_asked.add(victim)
                return []
        return list(self.by_invariant())


def _is_or_started(name: str, victim: str) -> bool:
    """Whether a process is a victim, or has started it, or was started by it."""
    return name == victim or victim.startswith((f"{name}.", f"{name}t")) or name.startswith(f"{victim}.")
