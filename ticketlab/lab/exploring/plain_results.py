"""What the exploration of a plain function came to, as values that can be printed and saved.

A case of a function is a JSON object like any other case (`explorer.case`), but that it names a function and a number
of processes in place of a scenario:

    {"ticketlab": "case", "version": 4,
     "function": "test_claim", "processes": 2,
     "without": [[2, 1]], "whole": false, "schedule": [1, 2, 2, 1], "steps": ["read stock.json", ...],
     "anomalies": ["lost update"], "found": {"policy": "dpor", ...}, "versions": {...}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.text import join_words, pluralize
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.workload import NOTHING, Place

PLAIN_CASE_VERSION: Final = 4


@dataclass(frozen=True, slots=True)
class PlainCase:
    """One schedule of a function's processes, which are numbered from 0 here and from 1 in JSON."""

    function: str
    processes: int
    schedule: tuple[int, ...]
    steps: tuple[str, ...]
    anomalies: tuple[str, ...] = ()
    without: frozenset[Place] = NOTHING
    atomic_accesses: bool = False
    found: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def check(self, execution: Execution) -> None:
        """Check that an execution made the same steps; raises Nondeterminism, naming the first that differs."""
        now = execution.steps
        for place, (before, after) in enumerate(zip(self.steps, now, strict=False), 1):
            if before != after:
                raise Nondeterminism(f"step {place} was {before!r} when the case was saved and is {after!r} now")
        if len(now) != len(self.steps):
            raise Nondeterminism(f"the case has {len(self.steps)} steps, but {len(now)} were made now")

    def to_json(self) -> dict[str, Any]:
        """Return the case as a JSON object."""
        return {
            "ticketlab": "case",
            "version": PLAIN_CASE_VERSION,
            "function": self.function,
            "processes": self.processes,
            "without": [[who + 1, place + 1] for who, place in sorted(self.without)],
            "whole": self.atomic_accesses,
            "schedule": [who + 1 for who in self.schedule],
            "steps": list(self.steps),
            "anomalies": list(self.anomalies),
            "found": dict(self.found),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PlainCase:
        """Read a case back; raises UsageError if it is misshapen."""
        try:
            return cls(
                function=str(data["function"]),
                processes=int(data["processes"]),
                schedule=tuple(int(who) - 1 for who in data["schedule"]),
                steps=tuple(map(str, data["steps"])),
                anomalies=tuple(map(str, data["anomalies"])),
                without=frozenset((int(who) - 1, int(place) - 1) for who, place in data["without"]),
                atomic_accesses=bool(data["whole"]),
                found=dict(data["found"]),
                versions=dict(data["versions"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"this case of a function cannot be read: {type(error).__name__}: {error}") from None


@dataclass(frozen=True, slots=True)
class Touched:
    """How often one resource was read and changed, by whom (process numbers from 1)."""

    resource: str
    reads: Mapping[int, int]
    changes: Mapping[int, int]

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in results."""
        reads, changes = ({str(who): count for who, count in each.items()} for each in (self.reads, self.changes))
        return {"resource": self.resource, "reads": reads, "changes": changes}


@dataclass(frozen=True, slots=True)
class PlainFinding:
    """An execution that went wrong, as small as it could be made, and what is wrong with it."""

    case: PlainCase
    execution: Execution
    anomalies: tuple[Anomaly, ...]
    confirmed: str


@dataclass(frozen=True, slots=True)
class PlainExploration:
    """What a search came to.

    `contested` says whether two processes ever made steps whose order can make a difference. `seen` lists what more
    than one process touched, `unseen` what was done to files without a step ("written", "made or removed", "opened").
    """

    function: str
    processes: int
    how: ExploreOptions
    executions: int
    anomalous: int
    names: Mapping[str, int]
    exhausted: bool
    contested: bool
    seconds: float
    seen: Sequence[Touched] = ()
    unseen: Mapping[str, str] = field(default_factory=dict)
    finding: PlainFinding | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Wrong, right as far as everything was tried and seen, or undecided."""
        if self.finding is not None:
            return Verdict(self.finding.anomalies)
        if self.unseen:
            told = [f"{path} was {done}" for path, done in sorted(self.unseen.items())]
            return Verdict(reason=f"{join_words(told)} by code that the lab does not see")
        if not self.contested:
            return Verdict(reason="no two processes made steps whose order can make a difference: nothing was tried")
        if self.exhausted:
            return Verdict()
        tried, are = pluralize(self.executions, "execution"), "is" if self.executions == 1 else "are"
        return Verdict(reason=f"{tried} by {self.how.policy} found nothing, and {are} not all")

    def to_json(self) -> dict[str, Any]:
        """Return the exploration as it is printed and saved."""
        found = self.finding
        return {
            "function": self.function,
            "processes": self.processes,
            "policy": str(self.how.policy),
            "executor": self.how.executor,
            "seed": self.how.seed,
            "valid": self.verdict.valid,
            "reason": self.verdict.reason,
            "executions": self.executions,
            "anomalous": self.anomalous,
            "names": dict(self.names),
            "exhausted": self.exhausted,
            "contested": self.contested,
            "seconds": self.seconds,
            "seen": [each.to_json() for each in self.seen],
            "unseen": dict(self.unseen),
            "anomalies": [anomaly.to_json() for anomaly in self.verdict.anomalies],
            "case": found.case.to_json() if found else None,
            "confirmed": found.confirmed if found else "",
            "environment": dict(self.environment),
        }
