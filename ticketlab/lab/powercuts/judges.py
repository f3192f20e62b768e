"""Judges of disk states: what a program's own recovery, and the user's invariant, make of what a power cut has left."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ticketlab.core.disk import Disk
from ticketlab.core.errors import UsageError
from ticketlab.core.verdict import Anomaly
from ticketlab.gate.watched import Looks, Watched
from ticketlab.lab.powercuts.states import lay_out
from ticketlab.lab.programs.program import Program

_LONGEST: Final = 60.0  # seconds
_NO_COMMAND: Final = 127


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one disk state: the anomalies, and what was looked at."""

    anomalies: Sequence[Anomaly]
    looks: Looks


class StateJudge(Protocol):
    """Judges what a power cut has left; `heeds_promise` says whether it matters what had been told before."""

    heeds_promise: bool

    def judge(self, disk: Disk, told: str) -> Judged:
        """Lay a disk state out, have recovery run on it, and say what is wrong with it."""


class ProgramStateJudge:
    """Runs the user's commands in the folder: recovery, if it is named, then the invariant.

    If neither is named, the program itself is run once more, and must end well. The invariant reads on its standard
    input what the program had printed before the cut.
    """

    def __init__(self, program: Program, recover: tuple[str, ...], home: Path) -> None:
        if callable(program.invariant):
            raise UsageError("a power cut is judged by a command: name it with --invariant")
        self._recover = recover
        self._invariant: tuple[str, ...] = program.invariant
        self._again = () if recover or program.invariant else program.commands
        self._allowed = program.allowed
        self.heeds_promise = bool(program.invariant)
        self._folder, self._said, self._told = home / "state", home / "said", home / "told"
        self._folder.mkdir()

    def judge(self, disk: Disk, told: str) -> Judged:
        """Lay a disk state out, and run the commands in it."""
        watched = Watched(str(self._folder), lay_out(disk, self._folder))
        self._told.write_text(told)
        anomalies = list(self._broken(watched))
        return Judged(anomalies, watched.looks)

    def _broken(self, watched: Watched) -> list[Anomaly]:
        recoveries = [("the recovery", self._recover)] if self._recover else []
        recoveries += [("the program's next run", command) for command in self._again]
        for what, command in recoveries:
            if failed := self._failed(watched, what, command, "recovery failed"):
                return [failed]
        if self._invariant and (failed := self._failed(watched, "the invariant", self._invariant, "invariant broken")):
            return [failed]
        return []

    def _failed(self, watched: Watched, what: str, command: Sequence[str], name: str) -> Anomaly | None:
        code = watched.run(lambda: self._execute(command), _LONGEST)
        if code == 0 or (code in self._allowed and name != "invariant broken"):
            return None
        lines = self._said.read_text(errors="replace").strip().splitlines()
        said = f": {lines[-1]}" if lines else ""
        if code == _NO_COMMAND:
            raise UsageError(f"{what} cannot be run{said}")
        ends = f"ends with {code}" if code is not None else f"has not ended after {_LONGEST:g} s"
        return Anomaly(name, f"after the power cut {what} {ends}{said}")

    def _execute(self, command: Sequence[str]) -> None:
        """Become a command, in the folder."""
        os.chdir(self._folder)
        for descriptor, path, flags in (
            (0, self._told, os.O_RDONLY),
            (1, self._said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            opened = os.open(path, flags, 0o600)
            os.dup2(opened, descriptor)
        os.dup2(1, 2)
        file = sys.executable if command[0] == "python" else command[0]
        try:
            os.execvpe(file, [file, *command[1:]], {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})  # noqa: S606
        except OSError as error:
            os.write(2, f"{command[0]}: {error.strerror}".encode())
            os._exit(_NO_COMMAND)
