"""Explore a plain function of one's own, as it stands: several processes call it at once, under every schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import unknown_name
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.executor import STALL_TIMEOUT, STEPS
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.cases import CASES
from ticketlab.lab.exploring.plain_cases import save_plain_case
from ticketlab.lab.exploring.plain_explore import explore_plain, replay_plain
from ticketlab.lab.exploring.plain_function import FRESH, PlainFunction
from ticketlab.lab.exploring.plain_results import PlainCase, PlainExploration
from ticketlab.report.plain_function import drawn_steps, seen_lines

MOST_EXECUTIONS: Final = 1_000
UNSEEN: Final = ("fail", "allow")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainRace:
    """How a plain function is explored, and what must hold afterwards: see `PlainFunction` and `ExploreOptions`.

    `unseen` is "allow" if the test may pass though no two processes made steps whose order can make a difference, or
    code that the lab does not see touched files.
    """

    processes: int = 2
    reset: Callable[..., object] | None = None
    invariant: Callable[..., object] | None = None
    returned: Callable[[list[Any]], object] | None = None
    serial: bool = False
    folder: str | None = FRESH
    policy: str = "dpor"
    executions: int = MOST_EXECUTIONS
    seed: int = 0
    executor: str = "processes"
    atomic_accesses: bool = False
    steps: int = STEPS
    stall_timeout: float = STALL_TIMEOUT
    unseen: str = "fail"
    fixtures: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> PlainRace:
        """Take settings by name; raises UsageError for one that is unknown."""
        known = [each.name for each in fields(cls)]
        for name in settings:
            if name not in known:
                raise unknown_name("setting of a race test", name, known)
        race = cls(**settings)
        if race.unseen not in UNSEEN:
            raise unknown_name("value of unseen", race.unseen, UNSEEN)
        return race

    def plain(self, function: Callable[..., Any], name: str = "") -> PlainFunction:
        """Return the function with what must hold of it."""
        return PlainFunction(
            function=function,
            processes=self.processes,
            reset=self.reset,
            invariant=self.invariant,
            returned=self.returned,
            serial=self.serial,
            folder=self.folder,
            fixtures=self.fixtures,
            name=name,
        )

    def how(self) -> ExploreOptions:
        """Return how it is explored."""
        return ExploreOptions(
            policy=Spec.parse(self.policy),
            executor=self.executor,
            executions=self.executions,
            seed=self.seed,
            atomic_accesses=self.atomic_accesses,
            steps=self.steps,
            stall_timeout=self.stall_timeout,
        )


def check_plain_function(
    function: Callable[..., Any],
    race: PlainRace | None = None,
    *,
    test: str = "",
    cases: Path = CASES,
    replay_line: Callable[[Path], str] = lambda path: f"ticketlab.testing.replay_plain_function(..., {str(path)!r})",
) -> PlainExploration:
    """Explore a plain function, and return what the search came to if nothing went wrong.

    The search may be undecided: its verdict says why.

    Raises:
        AssertionError: an execution went wrong; the message has its table, and the line that replays it.
        UsageError: a name is unknown, or things do not go together.
        Nondeterminism: the same schedule did not lead to the same steps.
    """
    race = race or PlainRace()
    found = explore_plain(race.plain(function, test), race.how())
    if found.finding is None:
        return found
    path = save_plain_case(found.finding.case, cases)
    noun = "execution" if found.executions == 1 else "executions"
    headline = f"{found.function} went wrong in {found.anomalous} of {found.executions} {noun}"
    table = drawn_steps(found.finding.execution, found.finding.anomalies)
    raise AssertionError(
        f"{headline} ({race.policy}, {race.executor}). The smallest, {found.finding.confirmed}:\n\n{table}\n\n"
        f"The same schedule again: {replay_line(path)}"
    )


def replay_plain_function(
    function: Callable[..., Any], case: PlainCase, race: PlainRace | None = None, *, test: str = ""
) -> None:
    """Run a plain function under a saved schedule.

    Raises:
        AssertionError: it goes wrong again; the message has the table.
        Nondeterminism: the function makes other steps now.
        UsageError: another number of processes takes part now.
    """
    race = race or PlainRace()
    plain = race.plain(function, test)
    execution, anomalies = replay_plain(plain, case, race.executor)
    if anomalies:
        table = drawn_steps(execution, anomalies)
        raise AssertionError(f"{plain.title} goes wrong again under the saved schedule:\n\n{table}")


def undecided(found: PlainExploration, race: PlainRace) -> str:
    """Return why a test cannot pass though nothing went wrong, and what was seen; an empty string if it can."""
    reason = found.verdict.reason
    if found.verdict.valid is not None or (race.unseen == "allow" and (found.unseen or not found.contested)):
        return ""
    seen = "".join(f"\n  {line}" for line in seen_lines(found.seen)) or " nothing that two processes touched"
    allow = ' or unseen="allow" in the test' if found.unseen or not found.contested else ""
    return (
        f"{found.function} is undecided: {reason}.\nWhat was seen:{seen}\n"
        f"To let it pass: --ticketlab-undecided=pass{allow}"
    )
