"""What a launcher is: it starts buyers, gives them a barrier and a log to share, and says how each of them ended.

A launcher makes its own barrier and log, so that nothing here assumes that participants share a machine: `Barrier` and
`Log` say what a job needs of them. `LocalLauncher` makes those that work among processes or threads of one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal, Protocol

from ticketlab.core.spec import Kind
from ticketlab.launch.barrier import StartBarrier
from ticketlab.launch.log import Event, EventLog

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from ticketlab.launch.job import RaceJob


class Barrier(Protocol):
    """Holds every participant back until all are ready; it is handed to each of them when it starts."""

    released_ns: int
    """When `release` was called, in nanoseconds of the clock that the log's events have; 0 before."""

    def wait(self) -> None:
        """Say, in a participant, that it is ready, and wait for the release."""

    def await_all(self, expected: int, seconds: float, check: Callable[[], None]) -> None:
        """Wait until that many participants are ready; call `check` now and then, which raises if one never will be.

        Raises:
            TicketlabError: they were not all ready in time.
        """

    def release(self) -> None:
        """Let everybody go on at once."""

    def close(self) -> None:
        """Give back what the barrier holds."""


class Writer(Protocol):
    """Appends one participant's events to a log."""

    def append(self, record: Event, *, last: bool = False) -> None:
        """Write an event; raises LogFull if the participant has no room left, except for its `last` one."""

    def close(self) -> None:
        """Write nothing more; what was written stays in the log."""


class Tail(Protocol):
    """Reads one participant's events while they are written."""

    def read(self) -> Iterator[Event]:
        """Yield the events that were written since the last call."""


class Log(Protocol):
    """The events of all participants, numbered from 0; it is handed to each of them when it starts.

    An event that was written outlives its writer. All times are nanoseconds of one clock: a launcher that starts
    participants on several machines has to translate theirs.
    """

    participants: int

    def writer(self, participant: int) -> Writer:
        """Return what appends a participant's events; a participant has one writer at a time."""

    def records(self, participant: int) -> Iterator[Event]:
        """Yield the events that a participant has written so far, whether it still lives or not."""

    def tail(self, participant: int) -> Tail:
        """Return what reads a participant's events while they are written."""

    def error_ns(self, participant: int) -> int:
        """Return by how much the times of a participant's events may be wrong, since its clock was another one."""

    def close(self) -> None:
        """Give back what the log holds."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a participant ended and, if it ended badly, how one can tell; `who` is "buyer 7" or "clerk 1"."""

    who: str
    participant: int
    how: Literal["finished", "crashed", "hung"]
    detail: str = ""

    @classmethod
    def of_buyer(cls, buyer: int, how: Literal["finished", "crashed", "hung"], detail: str = "") -> Exit:
        """Return how a buyer, numbered from 1, ended."""
        return cls(f"buyer {buyer}", buyer - 1, how, detail)


class Launcher(Protocol):
    """A way to start buyers."""

    notes: Sequence[str]
    """What is to be known of the last race beside its result, in sentences without a full stop."""

    def context(self) -> BaseContext:
        """Return how processes start here; a strategy makes the locks and queues that participants share from it."""

    def make_barrier(self) -> Barrier:
        """Return a barrier for participants that this launcher starts."""

    def make_log(self, participants: int) -> Log:
        """Return an empty log for that many participants that this launcher starts."""

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Start everybody, release the barrier, and return how each ended; kill who has not ended at the time-out.

        `meanwhile` is called once all have been started: it does what the lab can prepare while they get ready.
        """


class LocalLauncher:
    """The parts of a launcher whose participants are processes or threads of this machine."""

    notes: Sequence[str] = ()

    def make_barrier(self) -> StartBarrier:
        """Return a barrier made of two pipes."""
        return StartBarrier()

    def make_log(self, participants: int) -> EventLog:
        """Return a log in shared memory."""
        return EventLog(participants)


class LauncherCapability(Enum):
    """What a launcher can do; the value reads after "needs"."""

    SIGNALS = "signals that reach one buyer alone"
    LIMITS = "limits of the system that hold for one buyer alone"


@dataclass(frozen=True, kw_only=True)
class LauncherKind(Kind):
    """A launcher by name; `build(variant, **options)` makes one.

    A fault that needs what is not among the `capabilities` cannot be injected into a race that it launches. `together`
    says whether all buyers run at once; if not, some wait to be started, which is no part of their latencies. `pooled`
    says that each process takes one buyer after another.
    """

    build: Callable[..., Launcher]
    capabilities: frozenset[LauncherCapability] = field(default=frozenset(LauncherCapability))
    together: bool = True
    pooled: bool = False
