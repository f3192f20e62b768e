"""Explore a plain function of one's own, as it stands: several processes call it at once, under every schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypedDict

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.executor import STALL_TIMEOUT, STEPS
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.case_files import CASES
from ticketlab.lab.plain.case import PlainCase
from ticketlab.lab.plain.cases import load_plain_case, save_plain_case
from ticketlab.lab.plain.explore import explore_plain, replay_plain
from ticketlab.lab.plain.faults import faults_of_function
from ticketlab.lab.plain.function import FRESH, PlainFunction
from ticketlab.lab.plain.gates import GATES, KERNEL, check_gate
from ticketlab.lab.plain.results import Explored, PlainExploration
from ticketlab.report.plain_function import drawn_steps, seen_lines, two_of
from ticketlab.testing.replay_calls import replay_call

MOST_EXECUTIONS: Final = 1_000
UNSEEN: Final = ("fail", "allow")


class PlainSettings(TypedDict, total=False):
    """The settings of a race test of a plain function: those of `PlainRace`, but for the fixtures, which pytest has."""

    processes: int
    threads: int
    tasks: int
    reset: Callable[..., object] | None
    invariant: Callable[..., object] | None
    returned: Callable[[list[Any]], object] | None
    serial: bool
    folder: str | None
    policy: str
    executions: int
    seed: int
    executor: str
    atomic_accesses: bool
    steps: int
    stall_timeout: float
    unseen: str
    faults: str | Sequence[str]
    gate: str
    server: str | Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainRace:
    """How a plain function is explored, and what must hold afterwards: see `PlainFunction` and `ExploreOptions`.

    `threads` in place of `processes` has so many threads of one process call it. What they do to plain Python objects
    between two steps is outside the search, and `reset` puts back what they change there.
    `tasks` has so many tasks of one event loop run a coroutine function. Each goes on until it suspends, so races on
    plain Python objects are found as well.

    `unseen` is "allow" if the test may pass though no two processes made steps whose order can make a difference, or
    code that the lab does not see touched files. `faults` names those that are injected at each point in turn, as on
    the command line: "kill" or ["kill", "pause:2s"]. `gate` is what stops the processes at their steps: "probes", which
    stand in for Python's calls, or "kernel", which stops system calls, whoever makes them, and says what of that no
    probe told. `server` names the database servers that the lab starts for the function, "postgres" or "valkey".
    """

    processes: int = 2
    threads: int = 0
    tasks: int = 0
    reset: Callable[..., object] | None = None
    invariant: Callable[..., object] | None = None
    returned: Callable[[list[Any]], object] | None = None
    serial: bool = False
    folder: str | None = FRESH
    policy: str = "portfolio"
    executions: int = MOST_EXECUTIONS
    seed: int = 0
    executor: str = "processes"
    atomic_accesses: bool = False
    steps: int = STEPS
    stall_timeout: float = STALL_TIMEOUT
    unseen: str = "fail"
    faults: str | Sequence[str] = ()
    gate: str = GATES[0]
    server: str | Sequence[str] = ()
    fixtures: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, Any], fixtures: Mapping[str, Any] | None = None) -> PlainRace:
        """Read the settings of a race test; raises UsageError if one is unknown."""
        known = list(PlainSettings.__annotations__)
        for name in settings:
            if name not in known:
                raise unknown_name("setting of a race test", name, known)
        race = cls(**settings, fixtures=fixtures or {})
        if race.unseen not in UNSEEN:
            raise unknown_name("value of unseen", race.unseen, UNSEEN)
        check_gate(race.gate, settings)
        race.refuse_mixtures(settings)
        return race

    def refuse_mixtures(self, settings: Mapping[str, Any]) -> None:
        """Raise UsageError if settings do not go together."""
        for kind in ("tasks", "threads"):
            if kind in settings and {"processes", "threads", "executor"} & (settings.keys() - {kind}):
                raise UsageError(f"{kind}=... says who takes part: leave out processes and executor")
        if self.tasks and self.faults:
            raise UsageError("no fault can be injected into a task of an event loop: leave out faults")

    @property
    def participant(self) -> str:
        """How people call who takes part."""
        return "task" if self.tasks else "thread" if self.threads else "process"

    @property
    def allows_unseen(self) -> bool:
        """Whether the test may pass though the lab saw no race, or did not see all."""
        return self.unseen == "allow"

    def plain(self, function: Callable[..., Any], name: str = "") -> PlainFunction:
        """Return the function with what must hold of it."""
        return PlainFunction(
            function=function,
            processes=self.tasks or self.threads or self.processes,
            in_tasks=self.tasks > 0,
            reset=self.reset,
            invariant=self.invariant,
            returned=self.returned,
            serial=self.serial,
            folder=self.folder,
            fixtures=self.fixtures,
            name=name,
            server=self.server,
        )

    @property
    def _executor(self) -> str:
        check_gate(self.gate, [name for name in ("tasks", "threads", "faults") if getattr(self, name)])
        if self.gate == KERNEL:
            return KERNEL
        return "tasks" if self.tasks else "threads" if self.threads else self.executor

    def how(self) -> ExploreOptions:
        """Return how it is explored."""
        return ExploreOptions(
            policy=Spec.parse(self.policy),
            executor=self._executor,
            executions=self.executions,
            seed=self.seed,
            atomic_accesses=self.atomic_accesses,
            steps=self.steps,
            stall_timeout=self.stall_timeout,
            faults=faults_of_function(
                self.faults if isinstance(self.faults, str) else ",".join(self.faults), self.executor
            ),
        )


def check_plain_function(
    function: Callable[..., Any],
    race: PlainRace | None = None,
    *,
    test: str = "",
    cases: Path = CASES,
    replay_line: Callable[[Path], str] | None = None,
) -> PlainExploration:
    """Explore a plain function, and return what the search came to if nothing went wrong.

    The search may be undecided: its verdict says why.

    Raises:
        AssertionError: an execution went wrong; the message has its table, and the line that replays it.
        UsageError: a name is unknown, or things do not go together.
        Nondeterminism: the same schedule did not lead to the same steps.
    """
    race = race or PlainRace()
    found = _explored(race, function, test)
    if found.finding is None:
        return found
    path = save_plain_case(found.finding.case, cases)
    noun = "execution" if found.executions == 1 else "executions"
    headline, by = (
        f"{found.function} went wrong in {found.anomalous} of {found.executions} {noun}",
        found.how_far.drawn_by,
    )
    table = drawn_steps(found.finding.execution, found.finding.anomalies, race.participant, found.finding.participants)
    line = replay_line(path) if replay_line else replay_call("replay_plain_function", function, path, race)
    raise AssertionError(
        f"{headline} ({by}, {race.how().executor}). The smallest, {found.finding.confirmed}:\n\n{table}\n\n"
        f"The same schedule again: {line}{untold_text(found)}"
    )


def _explored(race: PlainRace, function: Callable[..., Any], test: str) -> PlainExploration:
    if race.gate != KERNEL:
        return explore_plain(race.plain(function, test), race.how())
    from ticketlab.lab.gated.explore import explore_gated

    return explore_gated(race.plain(function, test), race.how())


def replay_plain_function(
    function: Callable[..., Any], case: PlainCase | Path | str, race: PlainRace | None = None, *, test: str = ""
) -> None:
    """Run a plain function under a saved schedule: a case, or the case in a file.

    Raises:
        AssertionError: it goes wrong again; the message has the table.
        Nondeterminism: the function makes other steps now.
        UsageError: another number of processes takes part now.
    """
    case = load_plain_case(Path(case)) if isinstance(case, str | Path) else case
    race = race or PlainRace()
    plain = race.plain(function, test)
    names: Mapping[int, str] = {}
    if case.gate == KERNEL:
        from ticketlab.lab.gated.explore import replay_gated

        again = replay_gated(plain, case)
        execution, anomalies, names = again.execution, again.anomalies, again.participants
    else:
        execution, anomalies = replay_plain(plain, case, race.how().executor)
    if anomalies:
        table = drawn_steps(execution, anomalies, race.participant, names)
        raise AssertionError(f"{plain.title} goes wrong again under the saved schedule:\n\n{table}")


def untold_text(found: Explored) -> str:
    """Return what the kernel saw and no probe told, if there is any of that."""
    return "".join(f"\n{sentence}" for sentence in found.untold)


def seen_text(found: Explored) -> str:
    """Return what was seen, a line for each resource that more than one process touched."""
    lines = seen_lines(found.seen, found.participant)
    return "".join(f"\n  {line}" for line in lines) or f" nothing that {two_of(found.participant)} touched"
