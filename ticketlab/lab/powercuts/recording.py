"""Recordings: what one run of a program does to the disk, seen by the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ticketlab.core.disk import Disk, DiskOperation, ToldOutside
from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Spec
from ticketlab.explorer.policies.policy import Policy
from ticketlab.gate.database_locks import EVERY_CALL
from ticketlab.gate.disk_recorder import DiskRecorder
from ticketlab.gate.program import Gate
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.program import Program

_POLICY: Final = Spec("dpor")


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run did: what was on the disk before, and each operation in order.

    `pids` has what the processes are called, by the digits of their numbers, which differ in each run. `unseen` has
    sentences about changes that could not be followed.
    """

    opening: Disk
    operations: Sequence[DiskOperation]
    pids: Mapping[str, str]
    unseen: Sequence[str]

    def told(self, cut: int) -> str:
        """Return what had been printed before a cut: after so many operations."""
        return "".join(each.text for each in self.operations[:cut] if isinstance(each, ToldOutside))


class _RecordingExecutor(ProgramExecutor):
    """Runs a program under the gate, and takes down what it does to the disk."""

    def start_recording(self) -> DiskRecorder:
        """Take in what is in the folder now; what the next execution does comes after it."""
        self.recorder = DiskRecorder(str(self.folder))
        return self.recorder

    def _prepare(self, policy: Policy) -> None:
        super()._prepare(policy)
        self.recorder.begin()

    def _watch(self, gate: Gate) -> None:
        recorder = self.recorder
        gate.goes_on = lambda task, name, arguments: recorder.takes(gate.sight, task, name, arguments)


def recorded(program: Program, seed: int = 0, stall_timeout: float = 10.0) -> Recording:
    """Run a program once under the gate, its processes in turn, and return what it did to its folder.

    Raises UsageError if it does not end well by itself: then there is no right run whose cuts could be judged.
    """
    with _RecordingExecutor(program, seed=seed, points=(EVERY_CALL,), stall_timeout=stall_timeout) as executor:
        recorder = executor.start_recording()
        try:
            executor.run(policy_kind(_POLICY).make(_POLICY))
            recorder.finish()
        finally:
            recorder.close()
        for end in executor.run_of.ends:
            if end.has_failed and end.code not in program.allowed:
                last = end.output.strip().splitlines()[-1:]
                said = f": {last[0]}" if last else ""
                raise UsageError(f"process {end.name} ends with {end.code} without a power cut{said}")
        pids = executor.run_of.pids
    return Recording(recorder.opening, recorder.operations, pids, tuple(recorder.unseen))
