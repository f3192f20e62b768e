"""Cases of plain functions: everything needed to run one schedule of a function again.

A case of a function is a JSON object like any other case (`explorer.case`), but that it names a function and a number
of processes in place of a scenario:

    {"ticketlab": "case", "version": 6,
     "function": "shop.checkout:claim", "processes": 2,
     "settings": {"reset": "shop.checkout:lay_out", "serial": true},
     "without": [[2, 1]], "faults": [], "atomic_accesses": false, "schedule": [1, 2, 2, 1], "when": [],
     "steps": ["read stock.json", ...],
     "anomalies": ["lost update"], "found": {"policy": "dpor", ...}, "versions": {...}}

`settings` has the import paths of `reset`, `invariant` and `returned`, and `serial`, as far as they were given on the
command line, and "threads" or "tasks" as `participants` if these take part; a test keeps its own. A case that was found
under the gate also has `"gate": "kernel"`, and then `points` (the resources whose accesses are steps), `seed` and the
names of the `participants`. Versions 4 and 5 are read as well: version 4 had neither settings nor faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ticketlab.core.faults import Fault
from ticketlab.core.json_fields import JsonField, read_version
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.case import check_steps, faults_to_json, places_to_json, read_fault_point, read_place
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place
from ticketlab.lab.plain.gates import GATES

PLAIN_CASE_VERSION: Final = 6
_READABLE: Final = (4, 5, PLAIN_CASE_VERSION)
_MOST_PROCESSES: Final = 1_000


@dataclass(frozen=True, slots=True)
class PlainCase:
    """One schedule of a function's processes, which are numbered from 0 here and from 1 in JSON.

    `when` is the virtual time of each step in nanoseconds, if time ordered the steps.
    """

    function: str
    processes: int
    schedule: tuple[int, ...]
    steps: tuple[str, ...]
    anomalies: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    without: frozenset[Place] = NOTHING
    fault_points: FaultPoints = ()
    atomic_accesses: bool = False
    when: tuple[int, ...] = ()
    gate: str = GATES[0]
    points: tuple[str, ...] = ()
    seed: int = 0
    participants: Mapping[int, str] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that are injected, each listed once."""
        return tuple(dict.fromkeys(point.fault for point in self.fault_points))

    def check(self, execution: Execution) -> None:
        """Check that an execution made the same steps; raises Nondeterminism, naming the first that differs."""
        check_steps(self.steps, execution)

    def to_json(self) -> dict[str, Any]:
        """Return the case as a JSON object."""
        return {
            "ticketlab": "case",
            "version": PLAIN_CASE_VERSION,
            "function": self.function,
            "processes": self.processes,
            "settings": dict(self.settings),
            "without": places_to_json(self.without),
            "faults": faults_to_json(self.fault_points),
            "atomic_accesses": self.atomic_accesses,
            "schedule": [who + 1 for who in self.schedule],
            "when": list(self.when),
            **self._of_kernel,
            "steps": list(self.steps),
            "anomalies": list(self.anomalies),
            "found": dict(self.found),
            "versions": dict(self.versions),
        }

    @property
    def _of_kernel(self) -> dict[str, Any]:
        """What only a case has that was found under the gate."""
        if self.gate == GATES[0]:
            return {}
        names = {str(who + 1): name for who, name in sorted(self.participants.items())}
        return {"gate": self.gate, "points": list(self.points), "seed": self.seed, "participants": names}

    @classmethod
    def from_json(cls, data: object, source: str = "this case") -> PlainCase:
        """Read a case back; raises UsageError if it is misshapen, or of another version."""
        fields = JsonField(data, source)
        version = read_version(fields, "ticketlab", "case", "a case of ticketlab", _READABLE)
        schedule = fields["schedule"].list_of(lambda who: who.whole(least=1))
        when = fields["when"].list_of(JsonField.whole)
        if when and len(when) != len(schedule):
            raise fields["when"].wrong("a time for each step of the schedule, or none at all,")
        return cls(
            function=fields["function"].text(),
            processes=fields["processes"].whole(least=1, most=_MOST_PROCESSES),
            schedule=tuple(who - 1 for who in schedule),
            steps=tuple(fields["steps"].list_of(JsonField.text)),
            anomalies=tuple(fields["anomalies"].list_of(JsonField.text)),
            settings=fields["settings"].object() if version > 4 else {},
            without=frozenset(map(read_place, fields["without"].items())),
            fault_points=tuple(fields["faults"].list_of(read_fault_point)) if version > 4 else (),
            atomic_accesses=fields["atomic_accesses"].flag(),
            when=tuple(when),
            **(_of_kernel(fields) if "gate" in fields else {}),
            found=fields["found"].object(),
            versions=fields["versions"].dict_of(JsonField.text),
        )


def _of_kernel(fields: JsonField) -> dict[str, Any]:
    """Return what only a case has that was found under the gate."""
    names = fields["participants"].dict_of(JsonField.text)
    return {
        "gate": fields["gate"].one_of(GATES),
        "points": tuple(fields["points"].list_of(JsonField.text)),
        "seed": fields["seed"].whole(),
        "participants": {int(who) - 1: name for who, name in names.items()},
    }
