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
from enum import Enum, IntEnum
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

T = TypeVar("T")


BEGINNING: Final = 1e9
"""What any clock shows when an execution begins in which the lab controls the schedule, in seconds."""

NAME: Final = "name:"
"""How the resource of a name in a folder begins; the data of the file has a resource without it."""
MEMORY: Final = "memory"
"""The resource of all that participants of one process share without a step of its own."""
TABLE: Final = "table:"
"""How the resource of a table in a database begins. Nobody waits for it: a database is locked as a whole."""


class Action(Enum):
    """What a step does to its resource; all but READ, LOOK, LIST and AWAIT change it for those who read it or wait.

    READ to TOUCH concern the content of a file or a record. LOOK to REMOVE_DIRECTORY concern a name in a folder: which
    file it stands for, if any. LIST reads the list of a folder's names, and ENTER puts a name in or takes one out.
    FINISH ends a reading that kept others from changing what was read, and nobody else from reading.

    `takes` says whether the step leaves its buyer holding the resource, `gives_back` whether it ends that, and `holds`
    whether it is about who holds the resource, and not about its content. `looks` says whether it changes nothing, and
    `own` whether the failure of another participant's attempt says nothing of one's own.
    """

    READ = "read"
    WRITE = "write"
    APPEND = "append to"
    TRUNCATE = "truncate"
    FLUSH = "flush"
    TOUCH = "touch"
    LOOK = "look for"
    CREATE = "create"
    RENAME = "rename"
    LINK = "link"
    UNLINK = "unlink"
    MAKE_DIRECTORY = "make directory"
    REMOVE_DIRECTORY = "remove directory"
    LIST = "list"
    ENTER = "enter in"
    INSERT = "insert into"
    FINISH = "finish reading"
    GET_INTO = "get into"
    GET_OUT_OF = "get out of"
    ACQUIRE = "acquire"
    RELEASE = "release"
    SEND = "send"
    RECEIVE = "receive"
    SET = "set"
    CLEAR = "clear"
    NOTIFY = "notify"
    AWAIT = "wait for"
    ARRIVE = "arrive at"
    LEAVE = "leave"
    CALL = "call"
    GO_ON = "go on from"  # a task of an event loop: whatever it does until it suspends again
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    FAULT = "fault injected:"  # the resource is the fault's name; it may change anything
    TIME_PASSES = "let"  # "let time pass": nobody could move
    ADVANCE = "take"  # "take 20 s": the buyer lets time pass for everybody before its next request

    __hash__ = object.__hash__  # members are unique; Enum's own hash is a Python call, made at each scheduling point

    takes: bool
    gives_back: bool
    holds: bool
    looks: bool
    own: bool

    def __init__(self, value: str) -> None:
        self.takes = value in ("acquire", "begin")
        self.gives_back = value in ("release", "commit", "rollback", "finish reading")
        self.holds = self.takes or self.gives_back
        self.looks = value in ("read", "look for", "list", "wait for")
        self.own = self.looks or value == "go on from"


Access = tuple[Action, str]
"""What a step does to one resource."""


class Step(NamedTuple):
    """One access to shared state, and so the scheduling point just before it.

    `continuation` marks a later part of an access that began with an earlier step (the bytes after the truncation);
    with `--atomic-accesses` it is no scheduling point. `excludes` promises that after an attempt of this step has
    succeeded, every attempt fails until the resource changes again; once the promise was kept often enough, the lab
    need not try. A mutex keeps it; a semaphore and a re-entrant lock do not, and are refused. `private` says that no
    other buyer knows of what the step accesses, such as a new file before it is renamed: the step's order makes no
    difference, but a fault can come before it. `uncommitted` says that the step and reads of the resource do not notice
    each other: a write in a transaction changes nothing for readers until a later step commits it. `affects` lists the
    resources in which others notice a fault, if these are known. `in_memory` promises that the resource does not notice
    the death of a process that uses it: a lock or a queue in memory does not, and a lock that the kernel keeps does.
    `also` lists what the same atomic operation does to further resources: a rename changes two names. `path` is the
    name by which people know the resource, if it has another: a file may have several. Nothing is decided by it.
    """

    action: Action
    resource: str
    continuation: bool = False
    excludes: bool = False
    private: bool = False
    uncommitted: bool = False
    affects: tuple[str, ...] | None = None
    in_memory: bool = False
    also: tuple[Access, ...] = ()
    path: str = ""

    @property
    def changes(self) -> bool:
        """Whether the step changes its resource for others."""
        return not self.action.looks and not self.private

    @property
    def shown(self) -> str:
        """The name by which people know the resource."""
        return self.path or self.resource.removeprefix(NAME).removeprefix(TABLE)

    @property
    def accesses(self) -> tuple[Access, ...]:
        """All that the step does, each to one resource."""
        return ((self.action, self.resource), *self.also)

    @property
    def everywhere(self) -> bool:
        """Whether the step concerns every resource: a fault may release any lock, and time ends leases."""
        return self.action in (Action.FAULT, Action.TIME_PASSES, Action.ADVANCE) and self.affects is None

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources that the step concerns, unless it concerns all."""
        return tuple(resource for _, resource in self.accesses) if self.affects is None else self.affects

    def commutes_with(self, other: Step) -> bool:
        """Return whether the order of the two steps makes no difference."""
        if self.private or other.private:
            return True
        if self.everywhere or other.everywhere:
            return False
        if self.affects is not None or other.affects is not None:
            return set(self.resources).isdisjoint(other.resources)
        return all(
            one != beside or (self.visibility(did) < noticed_from(done) and other.visibility(done) < noticed_from(did))
            for did, one in self.accesses
            for done, beside in other.accesses
        )

    def visibility(self, action: Action) -> Visibility:
        """Return who notices what the step does by one of its accesses."""
        if action.looks or self.private:
            return Visibility.NOBODY
        if self.uncommitted or action in (Action.ENTER, Action.FINISH):
            return Visibility.CHANGERS
        return Visibility.EVERYBODY


class Visibility(IntEnum):
    """Who notices an access to a resource: nobody, those who may change the resource, or readers as well."""

    NOBODY = 0
    CHANGERS = 1
    EVERYBODY = 2


def noticed_from(action: Action) -> Visibility:
    """Return the least visibility of an access that this one notices.

    Two names that enter one folder do not notice each other, and the list of the folder's names notices both. So do
    two who finish reading, and who waits for them.
    """
    everybody = action in (Action.READ, Action.LOOK, Action.ENTER, Action.AWAIT, Action.FINISH)
    return Visibility.EVERYBODY if everybody else Visibility.CHANGERS


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
