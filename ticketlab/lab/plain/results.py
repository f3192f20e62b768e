"""What explorations and replays of plain functions came to, as values that can be printed and saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ticketlab.core.text import join_words, pluralize
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.results import ExploreOptions, FaultPointResult, RightExecution, why_undecided
from ticketlab.explorer.survey import HowFar
from ticketlab.lab.plain.case import PlainCase
from ticketlab.lab.plain.function import participant_on
from ticketlab.scheduling.schedule import JobSchedule


@dataclass(frozen=True, slots=True)
class Touched:
    """How often one resource was read and changed, by whom: process numbers from 1, or names."""

    resource: str
    reads: Mapping[Any, int]
    changes: Mapping[Any, int]

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in results."""
        reads, changes = ({str(who): count for who, count in each.items()} for each in (self.reads, self.changes))
        return {"resource": self.resource, "reads": reads, "changes": changes}


def not_seen(unseen: Mapping[str, str], outside: Iterable[str]) -> list[str]:
    """Say in sentences what was touched without a step, by path, or else what was done out of sight."""
    told = [f"{path} was {done}" for path, done in sorted(unseen.items())]
    return [f"{join_words(told)} by code that the lab does not see"] if told else list(outside)


class FunctionCase(Protocol):
    """What results need of a case."""

    @property
    def function(self) -> str:
        """How people call what the case is of."""

    @property
    def processes(self) -> int:
        """How many there are at once, if nobody is left out."""

    @property
    def anomalies(self) -> tuple[str, ...]:
        """What went wrong, by name."""

    def to_json(self) -> dict[str, Any]:
        """Return the case as a JSON object."""


@dataclass(frozen=True, slots=True)
class WrongExecution:
    """An execution that went wrong, as small as it could be made, and what is wrong with it.

    `participants` has their names by number, if they are other than the numbers; `printed` who wrote what, in order.
    """

    case: FunctionCase
    execution: Execution
    anomalies: tuple[Anomaly, ...]
    confirmed: str
    participants: Mapping[int, str] = field(default_factory=dict)
    printed: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class PlainFinding(WrongExecution):
    """An execution of a plain function that went wrong."""

    case: PlainCase


@dataclass(frozen=True, slots=True)
class Explored:
    """What a search of a function or a program came to.

    `contested` says whether two processes ever made steps whose order can make a difference. `seen` lists what more
    than one process touched, `unseen` what was done to files and memory without a step ("written", "made or removed",
    "opened", "changed"). `outside` says in sentences what participants did beside that, out of the lab's sight.
    `gave_way` says in sentences which tries were left out. `injected` has what came of the faults, point by point, and
    `left_behind` names the files that only a fault has left.
    `allows_unseen` says that the search may prove something though it saw no race, or did not see all.
    `untold` says in sentences what the kernel saw and no probe told, if both were asked. `schedule` is that of the last
    execution, if the policy keeps a ready queue. `right` is the last execution if none went wrong.
    """

    command: str
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
    finding: WrongExecution | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    injected: Sequence[FaultPointResult] = ()
    left_behind: Sequence[str] = ()
    allows_unseen: bool = False
    untold: Sequence[str] = ()
    schedule: JobSchedule | None = None
    how_far: HowFar = field(default_factory=HowFar)
    right: RightExecution | None = None

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
    def participant(self) -> str:
        """How people call a participant."""
        return participant_on(self.how.executor)

    @property
    def left_out(self) -> Sequence[str]:
        """What the search left out or did not see, in sentences, so that its end proves nothing."""
        return self.left_out_unless(allowed=self.allows_unseen)

    def left_out_unless(self, *, allowed: bool) -> Sequence[str]:
        """Return what was left out; if it is `allowed` that the lab does not see all, this is not told."""
        unseen, untried = [], []
        if not allowed and (self.unseen or self.outside):
            unseen = not_seen(self.unseen, self.outside)
        elif not self.contested and not allowed:
            who = pluralize(2, self.participant).removeprefix("2 ")
            untried = [f"no two {who} made steps whose order can make a difference: nothing was tried"]
        return [*unseen, *untried, *self.gave_way]

    def why_undecided(self, left_out: Sequence[str]) -> str:
        """Return why nothing is decided if no execution went wrong, or an empty string."""
        return why_undecided(left_out, self.executions, self.how_far.policy, exhausted=self.exhausted)

    def to_json(self) -> dict[str, Any]:
        """Return the exploration as it is printed and saved."""
        found = self.finding
        return {
            "command": self.command,
            "function": self.function,
            "processes": self.processes,
            "participant": self.participant,
            **self.how.to_json(),
            "valid": self.verdict.valid,
            "reason": self.verdict.reason,
            "executions": self.executions,
            "anomalous": self.anomalous,
            "names": dict(self.names),
            "injected": [each.to_json() for each in self.injected],
            "left_behind": list(self.left_behind),
            "exhausted": self.exhausted,
            "contested": self.contested,
            "left_out": list(self.left_out),
            "how_far": self.how_far.to_json(),
            "seconds": self.seconds,
            "seen": [each.to_json() for each in self.seen],
            "unseen": dict(self.unseen),
            "outside": list(self.outside),
            "untold": list(self.untold),
            "anomalies": [anomaly.to_json() for anomaly in self.verdict.anomalies],
            "case": found.case.to_json() if found else None,
            "confirmed": found.confirmed if found else "",
            "schedule": self.schedule.to_json() if self.schedule else None,
            "printed": [{"process": name, "text": text} for name, text in found.printed] if found else [],
            "environment": dict(self.environment),
        }


@dataclass(frozen=True, slots=True)
class PlainExploration(Explored):
    """What a search of a plain function came to."""

    finding: PlainFinding | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of running a case again."""

    command: str
    case: FunctionCase
    executor: str
    execution: Execution
    anomalies: Sequence[Anomaly]
    environment: Mapping[str, Any] = field(default_factory=dict)
    participants: Mapping[int, str] = field(default_factory=dict)

    @property
    def participant(self) -> str:
        """How people call a participant."""
        return participant_on(self.executor)

    @property
    def valid(self) -> bool:
        """Whether nothing went wrong."""
        return not self.anomalies

    @property
    def verdict(self) -> Verdict:
        """The anomalies of the execution, or valid."""
        return Verdict(self.anomalies)

    def to_json(self) -> dict[str, Any]:
        """Return the replay as it is printed and saved."""
        return {
            "command": self.command,
            "function": self.case.function,
            "processes": self.case.processes,
            "executor": self.executor,
            "valid": self.verdict.valid,
            "anomalies": [anomaly.to_json() for anomaly in self.anomalies],
            "case": self.case.to_json(),
            "environment": dict(self.environment),
        }


@dataclass(frozen=True, slots=True)
class PlainReplay(Replayed):
    """What came of running a case of a plain function again."""

    case: PlainCase


@dataclass(frozen=True, slots=True)
class PlainRaceResult:
    """What live races of a function came to.

    `wrong` counts the races that went wrong, `names` how often each anomaly occurred, and `first` has the first race
    of each, with its number. `late` says who was not done in time. `in_no_order` counts the races that ended as no run
    one after another does, if `judged_by_order` says that this could be told. `conditions` says whether the user's own
    were asked, and `serial` whether results and files have to be those of some order.
    """

    command: str
    function: str
    processes: int
    races: int
    wrong: int
    names: Mapping[str, int]
    first: Mapping[str, tuple[int, Anomaly]]
    late: str
    in_no_order: int
    judged_by_order: bool
    conditions: bool
    serial: bool
    seconds: float
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def valid(self) -> bool | None:
        """Whether no race went wrong; None if that is undecided."""
        return self.verdict.valid

    @property
    def verdict(self) -> Verdict:
        """The first anomaly of each name, or why nothing is decided."""
        return Verdict([anomaly for _, anomaly in self.first.values()], reason=self._reason)

    @property
    def _reason(self) -> str:
        if self.late:
            return self.late
        if self.serial and not self.judged_by_order:
            return "there are too many orders to try, or one comes to something else when it is repeated"
        if self.in_no_order and not self.conditions and not self.serial:
            return (
                f"{self.in_no_order} of {pluralize(self.races, 'race')} ended as no order one after another does: say "
                "what is right with an invariant, or ask for serial"
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return the races as they are printed and saved."""
        return {
            "command": self.command,
            "function": self.function,
            "processes": self.processes,
            "valid": self.verdict.valid,
            "reason": self.verdict.reason,
            "races": self.races,
            "wrong": self.wrong,
            "names": dict(self.names),
            "in_no_order": self.in_no_order if self.judged_by_order else None,
            "seconds": self.seconds,
            "anomalies": [{**anomaly.to_json(), "race": number} for number, anomaly in self.first.values()],
            "environment": dict(self.environment),
        }
