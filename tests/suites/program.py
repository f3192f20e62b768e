"""How a program of a suite is written down: threads that share variables, what each does, and what must hold.

A variable that threads share is a `multiprocessing.RawValue`: each read and each write of it is one scheduling point of
the lab, as one access to a variable in memory is in the original. What threads do to plain Python objects is no step,
so plain objects are used only where a lock guards them whenever they are touched. A thread whose own assertion fails
returns False. What the main thread asserts after it has joined the others is `holds`; what it does beside them is one
more thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import RawValue
from typing import Any

from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.participants import ready_participants
from ticketlab.lab.plugins.registry import policy_kind

Body = Callable[[], object]

WRONG = "wrong results"  # a thread's assertion failed
BROKEN = "invariant broken"  # the main thread's assertion failed, after the others
RAISED = "exception"  # a thread ended by an exception
DEADLOCK = "deadlock"  # somebody waits for ever


@dataclass(frozen=True)
class ThreadsOfProgram:
    """What each thread does, what must hold after them, and what is put back before each execution."""

    bodies: Sequence[Body]
    holds: Callable[[], bool] | None = None
    reset: Sequence[Callable[[], object]] = ()


@dataclass(frozen=True)
class SuiteProgram:
    """A program of a suite: its name, its kind of bug, and the anomalies of the lab that count as that bug."""

    suite: str
    name: str
    bug: str
    shows: frozenset[str]
    make: Callable[[bool], ThreadsOfProgram]
    has_twin: bool = True
    hard: bool = False  # known to take a sampler thousands of executions: left out of the tests

    @property
    def threads(self) -> int:
        """How many threads it has."""
        return len(self.make(False).bodies)

    def plain(self, *, fixed: bool = False) -> PlainFunction:
        """Return it as a plain function that each thread calls; `fixed` asks for the twin without the bug."""
        made = self.make(fixed)
        bodies = dict(enumerate(made.bodies, 1))

        def run(who: int) -> object:
            return bodies[who]()

        def put_back() -> None:
            for call in made.reset:
                call()

        return PlainFunction(
            function=run,
            processes=len(bodies),
            reset=put_back if made.reset else None,
            invariant=made.holds,
            returned=lambda returned: not any(value is False for value in returned),
            name=self.name,
        )

    @contextmanager
    def searched(self, executions: int) -> Iterator[Callable[[str, int], int | None]]:
        """Have its threads ready; yield what searches them by a policy from a seed.

        That returns the number of the first execution that shows the bug, or None if none of so many does.
        """
        how = ExploreOptions(executor="threads", executions=executions)
        with ready_participants(self.plain(), how) as (running, judge):

            def found_at(policy: str, seed: int) -> int | None:
                spec = Spec.parse(policy)
                tried = search(running, policy_kind(spec).make(spec, seed), executions)
                for number, execution in enumerate(tried, 1):
                    if self.shows & {anomaly.name for anomaly in judge.judge(execution)}:
                        return number
                return None

            yield found_at


ALL: list[SuiteProgram] = []


def program(
    suite: str, name: str, bug: str, *shows: str, has_twin: bool = True, hard: bool = False
) -> Callable[[Callable[[bool], ThreadsOfProgram]], Callable[[bool], ThreadsOfProgram]]:
    """Enter a function that makes a program, with its bug or as its twin without, in the index."""

    def entered(make: Callable[[bool], ThreadsOfProgram]) -> Callable[[bool], ThreadsOfProgram]:
        ALL.append(SuiteProgram(suite, name, bug, frozenset(shows), make, has_twin, hard))
        return make

    return entered


def shared(value: int = 0) -> Any:
    """Return a variable that threads share; `.value` reads and writes it, and each of both is one step."""
    return RawValue("q", value)


def only_if(wanted: bool, lock: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """Return a lock where it is wanted, and nothing in its place where a program forgets it."""
    return lock if wanted else nullcontext()
