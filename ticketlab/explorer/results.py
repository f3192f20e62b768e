"""The results of explorations and replays, as values that can be printed, saved and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from ticketlab.core.faults import Fault
from ticketlab.core.history import History
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.text import pluralize
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.located import anomaly_json
from ticketlab.explorer.case import Case
from ticketlab.explorer.engine.scheduler import StepWatch
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.executor import PATIENCE, STALL_TIMEOUT, STEPS
from ticketlab.explorer.survey import HowFar
from ticketlab.scheduling.schedule import JobSchedule

EXECUTIONS: Final = 10_000


DoneOf = Callable[[int, int], None]
"""What is told now and then how many of how many are done."""


class Progress(Protocol):
    """What is told now and then how a search comes along."""

    def __call__(self, done: int, anomalous: int, classes: float | None = None, /) -> None:
        """Hear how many executions there were, how many of them went wrong, and how many there are, as estimated."""


@dataclass(frozen=True, slots=True)
class ExploreOptions:
    """How a scenario is explored.

    `executions` bounds the search. With `exhaust`, the search goes on after an anomaly and counts them all. With
    `atomic_accesses`, reads and writes are one step each. An execution of more than `steps` steps counts as endless.
    `stall_timeout`, in seconds, is how long a real process may stay outside control, and `patience` how long a server
    outside a program may take to answer. `faults` are injected, one in each execution. `watch` is called at each step.
    """

    policy: Spec = field(default_factory=lambda: Spec("portfolio"))
    executor: str = "inline"
    executions: int = EXECUTIONS
    seed: int = 0
    exhaust: bool = False
    atomic_accesses: bool = False
    steps: int = STEPS
    stall_timeout: float = STALL_TIMEOUT
    patience: float = PATIENCE
    folder: Path | None = None
    faults: tuple[Fault, ...] = ()
    watch: StepWatch | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the options that a result names."""
        faults = [str(fault) for fault in self.faults]
        return {"policy": str(self.policy), "executor": self.executor, "seed": self.seed, "faults": faults}


def why_undecided(left_out: Sequence[str], executions: int, policy: str, *, exhausted: bool) -> str:
    """Return why a search in which nothing went wrong did not decide, or an empty string if it did.

    `left_out` says in sentences what it left out.
    """
    if left_out or exhausted:
        return "; ".join(left_out)
    tried, are = pluralize(executions, "execution"), "is" if executions == 1 else "are"
    return f"{tried} by {policy} found nothing, and {are} not all"


@dataclass(frozen=True, slots=True)
class Finding:
    """An execution that went wrong, as small as it could be made, and what is wrong with it.

    `confirmed` says whether real processes did the same, or why that was not asked.
    """

    case: Case
    execution: Execution
    anomalies: tuple[Anomaly, ...]
    history: History
    confirmed: str


class RightExecution(NamedTuple):
    """An execution in which nothing went wrong, and the names of its participants if they are not the numbers."""

    execution: Execution
    participants: Mapping[int, str] = MappingProxyType({})


def as_right_execution(
    execution: Execution | None, participants: Mapping[int, str] = MappingProxyType({})
) -> RightExecution | None:
    """Return an execution in which nothing was found wrong as a right one; None if it did not come to its end."""
    if execution is None or execution.ending is not ExecutionEnd.COMPLETED:
        return None
    return RightExecution(execution, participants)


@dataclass(frozen=True, slots=True)
class FaultPointResult:
    """What came of a fault at one point of one participant, over all schedules.

    `before` is the step before which it was injected. `waited` is the longest time, in seconds, that survivors had to
    wait for something to expire. `names` says how often each anomaly came of it.
    """

    fault: Fault
    who: str
    point: int
    before: str
    executions: int
    anomalous: int
    names: Mapping[str, int]
    waited: float

    def to_json(self) -> dict[str, Any]:
        """Return the fault point as an object of a result file."""
        return {**asdict(self), "fault": str(self.fault), "point": self.point + 1, "names": dict(self.names)}


@dataclass(frozen=True, slots=True)
class Exploration:
    """What came of a search.

    `anomalous` counts the executions that went wrong, `names` how often each anomaly occurred, and `injected` what came
    of the faults, point by point. `left_behind` names the files that were left behind.
    `left_out` says in sentences what the search left out, so that its end proves nothing. `schedule` is that of the
    last execution, if the policy keeps a ready queue. `right` is the last execution if none went wrong.
    """

    command: str
    scenario: Scenario
    how: ExploreOptions
    executions: int
    anomalous: int
    names: Mapping[str, int]
    exhausted: bool
    seconds: float
    finding: Finding | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    injected: Sequence[FaultPointResult] = ()
    left_behind: Sequence[str] = ()
    left_out: Sequence[str] = ()
    schedule: JobSchedule | None = None
    how_far: HowFar = field(default_factory=HowFar)
    right: RightExecution | None = None

    @property
    def valid(self) -> bool | None:
        """Whether every schedule kept the books right; None if the search did not decide."""
        return self.verdict.valid

    @property
    def verdict(self) -> Verdict:
        """The anomalies of the finding, valid if every schedule was tried, or undecided."""
        if self.finding is not None:
            return Verdict(self.finding.anomalies)
        policy = self.how_far.policy
        return Verdict(reason=why_undecided(self.left_out, self.executions, policy, exhausted=self.exhausted))

    def to_json(self) -> dict[str, Any]:
        """Return the exploration as it is printed and saved."""
        found = self.finding
        return {
            "command": self.command,
            "store": str(self.scenario.store),
            "strategy": str(self.scenario.strategy),
            "buyers": self.scenario.buyers,
            "tickets": self.scenario.inventory.tickets,
            **self.how.to_json(),
            "valid": self.verdict.valid,
            "reason": self.verdict.reason,
            "executions": self.executions,
            "anomalous": self.anomalous,
            "names": dict(self.names),
            "injected": [each.to_json() for each in self.injected],
            "left_behind": list(self.left_behind),
            "exhausted": self.exhausted,
            "left_out": list(self.left_out),
            "how_far": self.how_far.to_json(),
            "seconds": self.seconds,
            "anomalies": [anomaly_json(each, found.execution) for each in found.anomalies] if found else [],
            "case": found.case.to_json() if found else None,
            "confirmed": found.confirmed if found else "",
            "schedule": self.schedule.to_json() if self.schedule else None,
            "environment": dict(self.environment),
        }


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What came of running a case again."""

    command: str
    case: Case
    executor: str
    execution: Execution
    anomalies: tuple[Anomaly, ...]
    history: History
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether the books were kept right."""
        return not self.anomalies

    @property
    def verdict(self) -> Verdict:
        """The anomalies of the execution, or valid."""
        return Verdict(self.anomalies)

    def to_json(self) -> dict[str, Any]:
        """Return the replay as it is printed and saved."""
        return {
            "command": self.command,
            "store": str(self.case.scenario.store),
            "strategy": str(self.case.scenario.strategy),
            "buyers": self.case.scenario.buyers,
            "tickets": self.case.scenario.inventory.tickets,
            "executor": self.executor,
            "valid": self.verdict.valid,
            "anomalies": [anomaly_json(anomaly, self.execution) for anomaly in self.anomalies],
            "case": self.case.to_json(),
            "environment": dict(self.environment),
        }
