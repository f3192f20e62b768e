"""What processes do with a lock under test: each scenario is a small plain function that is explored as it stands.

Whoever has the lock passes two steps, into the critical section and out of it, so that others can come between.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ticketlab.core.faults import Fault
from ticketlab.core.pacing import BLOCKED, at, block, sleep
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.own_memory import own_memory
from ticketlab.core.text import pluralize
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.standins import StandIn
from ticketlab.testing.lock_check.judge import IN, OUT
from ticketlab.testing.lock_check.remains import LockRemains
from ticketlab.testing.lock_check.subject import LockHandle, LockSubject, Taken

DAY: Final = 86_400.0  # seconds

_Call = Callable[[int, Path], list[str]]
"""Called with a process's number and the folder; what it returns is what came to light, in words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockScenario:
    """What some processes do with a lock. `lay_out` prepares their folder, and `standins` are there while they do it.

    If `waits_end`, nobody may wait for ever.
    """

    title: str
    participant: _Call
    processes: int = 2
    lay_out: Callable[[Path], object] = lambda _folder: None
    faults: tuple[Fault, ...] = ()
    standins: Sequence[StandIn] = ()
    waits_end: bool = False


@dataclass(frozen=True, slots=True)
class LockUnderTest:
    """A lock, what its holder keeps in the folder, and what makes it free again before each execution."""

    subject: LockSubject
    left: LockRemains
    balance: Callable[[], object] = lambda: None


def pass_through(lock: LockHandle, taken: Taken | None = None, *, pause: float = 0.0) -> list[str]:
    """Take the lock, unless that was done, be inside, and let it go; return what was said against that."""
    taken = taken or lock.take()
    if not taken.admitted:
        return []
    said = ""
    try:
        at(IN)
        if pause:
            sleep(pause)
        at(OUT)
    finally:
        said = lock.let_go()
    return [f"letting go failed: {said}"] if said else []


def visits(lock: LockUnderTest, processes: int, times: int) -> LockScenario:
    """Each process passes through so many times."""

    def visit(who: int, folder: Path) -> list[str]:
        handle = lock.subject.handle(folder, who)
        return [said for _ in range(times) for said in pass_through(handle)]

    title = f"{pluralize(processes, 'process').replace('processs', 'processes')}, {_TIMES[times]} each"
    return LockScenario(title=title, participant=visit, processes=processes, waits_end=True)


_TIMES: Final = {1: "once", 2: "twice"}


def long_pause(lock: LockUnderTest) -> LockScenario:
    """One pauses for a day inside, and another one comes a day later."""

    def visit(who: int, folder: Path) -> list[str]:
        if who > 1:
            sleep(DAY)
        return pass_through(lock.subject.handle(folder, who), pause=DAY if who == 1 else 0.0)

    return LockScenario(title="process 1 pauses for a day inside, and process 2 comes a day later", participant=visit)


def killed(lock: LockUnderTest) -> LockScenario:
    """One of two is killed at any of its steps."""

    def visit(who: int, folder: Path) -> list[str]:
        return pass_through(lock.subject.handle(folder, who))

    return LockScenario(
        title="one of 2 processes is killed at any step", participant=visit, faults=(Fault.parse("kill"),)
    )


def left_by_the_dead(lock: LockUnderTest) -> LockScenario:
    """What a dead holder left lies there, a year old."""
    return _after_a_death(lock, "a holder died a year ago", lambda: lock.left.pid)


def left_with_a_living_number(lock: LockUnderTest) -> LockScenario:
    """The same, but the dead holder's number is now that of a living process that knows nothing of the lock."""
    return _after_a_death(lock, "a holder died, and its number is that of another living process", os.getpid)


def _after_a_death(lock: LockUnderTest, title: str, number: Callable[[], int]) -> LockScenario:
    def visit(who: int, folder: Path) -> list[str]:
        return pass_through(lock.subject.handle(folder, who))

    return LockScenario(title=title, participant=visit, lay_out=lambda folder: lock.left.lay_out(folder, number()))


def left_with_own_number(lock: LockUnderTest) -> LockScenario:
    """The dead holder's number becomes that of process 1 when it starts; until then there is no such process."""
    started = own_memory(1)
    start: Final = Step(Action.CREATE, "process 1")

    def visit(who: int, folder: Path) -> list[str]:
        if who == 1:
            at(start)
            started[0] = 1
        return pass_through(lock.subject.handle(folder, who))

    def lay_out(folder: Path) -> None:
        started[0] = 0
        lock.left.lay_out(folder, _number_of_first())

    def kill(pid: int, signal: int, /) -> None:
        if pid == _number_of_first() and HERE.who != 1:
            at(start._replace(action=Action.LOOK))
            if not started[0]:
                raise ProcessLookupError(f"no process {pid}")
        _kill(pid, signal)

    return LockScenario(
        title="a holder died, and its number is given to process 1 when it starts",
        participant=visit,
        lay_out=lay_out,
        standins=[StandIn(_kill, probed(_kill, kill))],
    )


_kill = os.kill


def _number_of_first() -> int:
    return next((int(pid) for pid, who in HERE.resources.inodes.pids().items() if who == 1), 0)


def taken_again(lock: LockUnderTest) -> LockScenario:
    """One takes the lock twice and lets it go once, and is still inside."""

    def visit(who: int, folder: Path) -> list[str]:
        handle = lock.subject.handle(folder, who)
        return _twice(handle) if who == 1 else pass_through(handle)

    return LockScenario(title="process 1 takes it twice, and lets it go once", participant=visit)


def _twice(lock: LockHandle) -> list[str]:
    taken = lock.take()
    if not taken.admitted:
        return []
    told = []
    try:
        at(IN)
        again = lock.take()
        if again.admitted:
            lock.let_go()
            told.append("the holder can take it again")
        else:
            told.append(f"the holder cannot take it again ({again.why})")
        at(OUT)
    finally:
        lock.let_go()
    return told


def released_without_take(lock: LockUnderTest) -> LockScenario:
    """A process that never took the lock releases it."""

    def visit(who: int, folder: Path) -> list[str]:
        handle = lock.subject.handle(folder, who)
        told = _stray_release(handle) if who == 2 else []
        return [*told, *pass_through(handle)]

    return LockScenario(title="process 2 releases it without having taken it", participant=visit)


def released_after_refusal(lock: LockUnderTest) -> LockScenario:
    """A process that was refused the lock releases it, as `finally: lock.release()` does."""

    def visit(who: int, folder: Path) -> list[str]:
        handle = lock.subject.handle(folder, who)
        if who == 1:
            return pass_through(handle)
        taken = handle.try_to_take()
        if taken.admitted:
            return pass_through(handle, taken)
        return [*_stray_release(handle), *pass_through(handle)]

    return LockScenario(title="process 2 is refused and releases it all the same", participant=visit)


def _stray_release(lock: LockHandle) -> list[str]:
    said = lock.release()
    return [f"a stranger's release is refused ({said})"] if said else []


def file_removed(lock: LockUnderTest) -> LockScenario:
    """After one has used the lock, and before anybody takes it again, somebody removes what it keeps in the folder."""
    removed = own_memory(1)
    removal: Final = Step(Action.WRITE, "removal")

    def visit(who: int, folder: Path) -> list[str]:
        if who > 1:
            block(removal._replace(action=Action.READ), lambda: None if removed[0] else BLOCKED, lambda: None)
            return pass_through(lock.subject.handle(folder, who))
        handle = lock.subject.handle(folder, who)
        told = pass_through(handle)
        lock.left.remove_from(folder)
        at(removal)
        removed[0] = 1
        return [*told, *pass_through(handle)]

    def lay_out(_folder: Path) -> None:
        removed[0] = 0

    return LockScenario(
        title="process 1 has used it, and its file is removed while nobody has it or waits for it",
        participant=visit,
        lay_out=lay_out,
    )
