"""What the exploration of a plain function came to, as values that can be printed and saved.

A case of a function is a JSON object like any other case (`explorer.case`), but that it names a function and a number
of processes in place of a scenario:

    {"ticketlab": "case", "version": 4,
     "function": "test_claim", "processes": 2,
     "without": [[2, 1]], "atomic_accesses": false, "schedule": [1, 2, 2, 1], "when": [],
     "steps": ["read stock.json", ...],
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
    """One schedule of a function's processes, which are numbered from 0 here and from 1 in JSON.

    `when` is the virtual time of each step in nanoseconds, if time ordered the steps.
    """

    function: str
    processes: int
    schedule: tuple[int, ...]
    steps: tuple[str, ...]
    anomalies: tuple[str, ...] = ()
    without: frozenset[Place] = NOTHING
    atomic_accesses: bool = False
    when: tuple[int, ...] = ()
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
            "atomic_accesses": self.atomic_accesses,
            "schedule": [who + 1 for who in self.schedule],
            "when": list(self.when),
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
                atomic_accesses=bool(data["atomic_accesses"]),
                when=tuple(map(int, data["when"])),
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
    than one process touched, `unseen` what was done to files and memory without a step ("written", "made or removed",
    "opened", "changed"). `outside` says in sentences what participants did beside that, out of the lab's sight.
    `gave_way` says in sentences which tries were left out.
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
    outside: Sequence[str] = ()
    gave_way: Sequence[str] = ()
    finding: PlainFinding | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def valid(self) -> bool | None:
        """Whether every schedule went right; None if the search did not decide."""
        return self.verdict.valid

    @property
    def verdict(self) -> Verdict:
        """Wrong, right as far as everything was tried and seen, or undecided."""
        if self.finding is not None:
            return Verdict(self.finding.anomalies)
        return Verdict(reason=self.why_undecided(self.left_out))

    @property
    def left_out(self) -> Sequence[str]:
        """What the search left out or did not see, in sentences, so that its end proves nothing."""
        return self.left_out_unless(allowed=False)

    def left_out_unless(self, *, allowed: bool) -> Sequence[str]:
        """Return what was left out; if it is `allowed` that the lab does not see all, this is not told."""
        unseen, untried = [], []
        if self.unseen and not allowed:
            told = [f"{path} was {done}" for path, done in sorted(self.unseen.items())]
            unseen = [f"{join_words(told)} by code that the lab does not see"]
        elif self.outside and not allowed:
            unseen = list(self.outside)
        elif not self.contested and not allowed:
            untried = ["no two processes made steps whose order can make a difference: nothing was tried"]
        return [*unseen, *untried, *self.gave_way]

    def why_undecided(self, left_out: Sequence[str]) -> str:
        """Return why nothing is decided if no execution went wrong, or an empty string."""
        if left_out or self.exhausted:
            return "; ".join(left_out)
        tried, are = pluralize(self.executions, "execution"), "is" if self.executions == 1 else "are"
        return f"{tried} by {self.how.policy} found nothing, and {are} not all"

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
            "left_out": list(self.left_out),
            "seconds": self.seconds,
            "seen": [each.to_json() for each in self.seen],
            "unseen": dict(self.unseen),
            "outside": list(self.outside),
            "anomalies": [anomaly.to_json() for anomaly in self.verdict.anomalies],
            "case": found.case.to_json() if found else None,
            "confirmed": found.confirmed if found else "",
            "environment": dict(self.environment),
        }
