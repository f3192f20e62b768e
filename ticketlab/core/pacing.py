"""The one seam: scheduling points, and the pacers that give them their meaning.

Code that is about to access shared state calls `at(step)` first. An access that may block goes through `block`, which
is given both a way to attempt it without blocking and a way to wait. A buyer tells what it learns with `note`. So
purchases stay ordinary Python; the pacer that is installed in the buyer's process decides what the points mean:

- `Free` does nothing: full speed, wall clock;
- a delaying pacer (`ticketlab.timings`) sleeps at the points, to simulate latency;
- a recorder (`ticketlab.launch`) writes them down;
- a controlled pacer (`ticketlab.explorer`) lets only the buyer go on that its policy picks. It knows for which resource
  a buyer waits: any step that changes that resource makes another attempt worthwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final, Literal, Protocol, TypeVar

from ticketlab.core.steps import Step

T = TypeVar("T")


BEGINNING: Final = 1e9
"""What any clock shows when an execution begins in which the lab controls the schedule, in seconds."""

GATE_BEGINNING: Final = 1_767_225_600
"""What the clock on the wall shows then under the gate, in seconds; `gate.inside.clock` has it for itself."""


class Blocked(Enum):
    """What an attempt returns that would have had to wait."""

    BLOCKED = "blocked"


BLOCKED: Final = Blocked.BLOCKED


UNCHANGED: Final = "unchanged"
"""This note says that the step before it was refused and changed nothing, whatever its action; its value is why."""

OUT_OF_SIGHT: Final = "out of sight"
"""This note says that something was done that the lab does not see; its value says what, and then nothing is proved."""

OUTLASTED: Final = "outlasted"
"""This note says that a pause was longer than somebody had left to wait; its value is how often that was so."""

RETRY: Final = "retry"
"""This note promises that the try just made left nothing behind, and that the buyer sleeps and tries again from the
start until it is not refused any more; its value is why it was refused. A loop that counts its tries must not note it:
a search believes the promise, and does not look at what happens if the buyer gives up while others could move. Its
sleeps end as soon as it may go on, by its clock too: code that measures how long it waited must not note it."""

SPINS: Final = "spins"
"""This note says that what RETRY promises is known: the try left nothing behind, and from where the buyer now goes to
sleep, the same try begins again. The sleep takes its time, as any other does; the value is how that is known."""

UNTRIED: Final = "untried"
"""This note says in a sentence what a search does not try: then it proves nothing."""

TOOK: Final = "took"
GAVE_BACK: Final = "gave back"
"""These notes say what a task did to a lock in its last step; the value names the lock."""

AWAITS: Final = "awaits"
"""This note says for what a task waits after its last step, by name."""

ACCESS_FAILED: Final = "access failed"
"""This note says that the system refused the store an access, and that whoever made it goes on; its value is why."""

NO_SPACE: Final = "no space"
"""The note ACCESS_FAILED, if the disk has no room: then the race says nothing about its strategy."""

UNDONE: Final = "undone"
"""This note says that the step before it only released a lock for which others waited; retries would still fail."""


class Pacer(Protocol):
    """What scheduling points mean."""

    @property
    def may_wait(self) -> bool:
        """Whether calls may block in the operating system; if not, stores set their time-outs to zero."""

    def at(self, step: Step) -> None:
        """Pass a scheduling point; the caller makes the access right afterwards."""

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Make an access that may have to wait: by `wait`, or by attempts that return BLOCKED until one succeeds.

        An attempt that returns BLOCKED must have changed nothing. Where a refusal aborts a transaction, as on some
        database servers, the attempt sets a savepoint first and goes back to it.
        """

    def sleep(self, seconds: float) -> None:
        """Let time pass for this buyer only."""

    def now(self, *, wall: bool) -> float:
        """Return the time in seconds, by the clock that never jumps or by the wall clock."""

    def note(self, what: str, value: int | str) -> None:
        """Take note of what the buyer has just learnt: a number that it read, say, or why it has to retry."""

    def made(self, step: Step) -> None:
        """Take note that the step just made was another one, which does no more than the one that was announced."""

    def for_fork(self) -> Pacer:
        """Return the pacer for a process that a participant forks itself, and that is no participant."""


class Free:
    """The pacer that does nothing: full speed on the wall clock."""

    may_wait = True

    def at(self, step: Step) -> None:
        """Pass at once."""

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Wait in the operating system."""
        return wait()

    def sleep(self, seconds: float) -> None:
        """Sleep on the wall clock."""
        time.sleep(seconds)

    def now(self, *, wall: bool) -> float:
        """Return the system's time."""
        return time.time() if wall else time.monotonic()

    def note(self, what: str, value: int | str) -> None:
        """Do nothing."""

    def made(self, step: Step) -> None:
        """Do nothing."""

    def for_fork(self) -> Pacer:
        """Return this pacer."""
        return self


_pacer: Pacer = Free()


def current() -> Pacer:
    """Return the pacer of this process."""
    return _pacer


@contextmanager
def paced_by(pacer: Pacer) -> Iterator[None]:
    """Install a pacer in this process until the context ends."""
    global _pacer
    before, _pacer = _pacer, pacer
    try:
        yield
    finally:
        _pacer = before


def moving() -> int | None:
    """Return the number of the participant that moves, if the lab controls the schedule; in a live race, None.

    In an exploration several participants may share this process. Code that must tell them apart asks here.
    """
    me: int | None = getattr(_pacer, "me", None)
    return me


def has_spun() -> bool:
    """Whether tries that noted SPINS were left out in this execution, so that clocks might show later times."""
    return bool(getattr(_pacer, "has_spun", False))


def wait_until(seconds: float | None) -> None:
    """Say, before an attempt that may wait, until when it does: then it is made again, if nobody can move before.

    None says that the waiting is over. Where the lab does not control the schedule, nothing happens.
    """
    told = getattr(_pacer, "wait_until", None)
    if told is not None:
        told(seconds)


def time_passes(until: float) -> None:
    """Let virtual time pass for everybody: nobody can move before. Nothing happens where nobody can tell that."""
    told = getattr(_pacer, "time_passes", None)
    if told is not None:
        told(until)


def at(step: Step) -> None:
    """Pass a scheduling point; call this just before the access that the step names."""
    _pacer.at(step)


def block(step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
    """Make an access that may have to wait, and return its result.

    `attempt` makes the access without blocking, or returns BLOCKED and has changed nothing; `wait` makes it and may
    block.
    """
    return _pacer.block(step, attempt, wait)


def sleep(seconds: float) -> None:
    """Let time pass for this buyer: on the wall clock or, where the lab controls the schedule, in virtual time."""
    _pacer.sleep(seconds)


def now(*, wall: bool = False) -> float:
    """Return the time in seconds: by a clock that all processes share and that never jumps, or by the wall clock.

    Code that lets something expire asks here, so that the lab can let time pass. Ask within the access that depends on
    the answer. Code that waits for something to expire notes RETRY and sleeps, then tries again.
    """
    return _pacer.now(wall=wall)


def note(what: str, value: int | str) -> None:
    """Tell the lab what the buyer has just learnt; notes appear in evidence, tables and timelines."""
    _pacer.note(what, value)


def made(step: Step) -> None:
    """Tell the lab that the step just made was another one, which does no more than the one that was announced.

    Opening a file for writing may create it, empty it, or only look for it; which of these it does depends on what
    others have done until then.
    """
    _pacer.made(step)
