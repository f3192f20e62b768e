"""Cases of programs: everything needed to run one schedule of a program again.

A case of a program is a JSON object like any other case (`explorer.case`), but that it names command lines:

    {"ticketlab": "case", "version": 7,
     "program": {"commands": ["python shop.py 2"], "in": "shop", "invariant": "", "test": "",
                 "allow_exit": [], "serial": false, "reset": ""},
     "points": ["db", ...], "seed": 0,
     "without": [[2, 1]], "faults": [], "schedule": [1, 2, 2, 1], "participants": {"1": "1", "2": "1.1"},
     "steps": ["read db", ...],
     "anomalies": ["lost update"], "found": {"policy": "dpor", ...}, "versions": {...}}

`points` has the resources whose accesses are steps. The folder `in` is not part of the case: it has to be there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ticketlab.core.faults import Fault
from ticketlab.core.json_fields import JsonField, read_version
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.case import check_steps, faults_to_json, places_to_json, read_fault_point, read_place
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place
from ticketlab.lab.programs.program import Program, command_words
from ticketlab.lab.programs.run import branches

PROGRAM_CASE_VERSION: Final = 7


@dataclass(frozen=True, slots=True)
class ProgramCase:
    """One schedule of a program's participants, which are numbered from 0 here and from 1 in JSON."""

    program: Program
    points: tuple[str, ...]
    schedule: tuple[int, ...]
    steps: tuple[str, ...]
    participants: Mapping[int, str]
    seed: int = 0
    anomalies: tuple[str, ...] = ()
    without: frozenset[Place] = NOTHING
    fault_points: FaultPoints = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that are injected, each listed once."""
        return tuple(dict.fromkeys(point.fault for point in self.fault_points))

    @property
    def function(self) -> str:
        """How people call the program."""
        return self.program.title

    @property
    def processes(self) -> int:
        """How many commands or, if there is one, children of it run at once."""
        commands = len(self.program.commands) - len(self.without)
        return max(len(branches(list(self.participants.values()), commands)), 1)

    def check(self, execution: Execution) -> None:
        """Check that an execution made the same steps; raises Nondeterminism, naming the first that differs."""
        check_steps(self.steps, execution)

    def to_json(self) -> dict[str, Any]:
        """Return the case as a JSON object."""
        return {
            "ticketlab": "case",
            "version": PROGRAM_CASE_VERSION,
            "program": program_to_json(self.program),
            "points": list(self.points),
            "seed": self.seed,
            "without": places_to_json(self.without),
            "faults": faults_to_json(self.fault_points),
            "schedule": [who + 1 for who in self.schedule],
            "participants": {str(who + 1): name for who, name in sorted(self.participants.items())},
            "steps": list(self.steps),
            "anomalies": list(self.anomalies),
            "found": dict(self.found),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, data: object, source: str = "this case") -> ProgramCase:
        """Read a case back; raises UsageError if it is misshapen, or of another version."""
        fields = JsonField(data, source)
        read_version(fields, "ticketlab", "case", "a case of ticketlab", (PROGRAM_CASE_VERSION,))
        return cls(
            program=program_from_json(fields["program"]),
            points=tuple(fields["points"].list_of(JsonField.text)),
            schedule=tuple(who - 1 for who in fields["schedule"].list_of(lambda who: who.whole(least=1))),
            steps=tuple(fields["steps"].list_of(JsonField.text)),
            participants={int(who) - 1: name for who, name in fields["participants"].dict_of(JsonField.text).items()},
            seed=fields["seed"].whole(),
            anomalies=tuple(fields["anomalies"].list_of(JsonField.text)),
            without=frozenset(map(read_place, fields["without"].items())),
            fault_points=tuple(fields["faults"].list_of(read_fault_point)),
            found=fields["found"].object(),
            versions=fields["versions"].dict_of(JsonField.text),
        )


def program_to_json(program: Program) -> dict[str, Any]:
    """Return a program as a case and a result name it."""
    return {
        "commands": [shlex.join(command) for command in program.commands],
        "in": str(program.folder) if program.folder is not None else "",
        "invariant": "" if callable(program.invariant) else shlex.join(program.invariant),
        "test": program.test,
        "allow_exit": sorted(program.allowed),
        "serial": program.serial,
        "reset": shlex.join(program.reset),
    }


def program_from_json(fields: JsonField) -> Program:
    """Return a program as a case names it; raises UsageError if something of it is not there."""
    folder = fields["in"].text()
    return Program(
        commands=tuple(command_words(command) for command in fields["commands"].list_of(JsonField.text)),
        folder=Path(folder) if folder else None,
        invariant=command_words(fields["invariant"].text()),
        allowed=frozenset(fields["allow_exit"].list_of(lambda code: code.whole(most=255))),
        serial=fields["serial"].flag(),
        reset=command_words(fields["reset"].text()),
        test=fields["test"].text(),
    )
