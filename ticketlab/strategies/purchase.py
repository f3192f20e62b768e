"""What every strategy is made of: the purchase as a textbook writes it, and ways to hold a lock around it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Literal

from ticketlab.core.errors import Conflict, GaveUp, PurchaseError
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.pacing import BLOCKED, RETRY, Action, Blocked, Step, at, block, current, note, sleep
from ticketlab.core.plugin import Perform, Session, StrategyContext

RETRIES = 100
"""How often a strategy that can be refused tries again before it gives up."""

POLL = 0.005
"""How long a buyer waits, in seconds, before it asks again for what nobody will tell it of."""


def fulfil(session: Session, request: Request) -> Outcome:
    """Read, check, write: safe only if nobody else writes in between."""
    stock = session.read(request.section)
    change = request.on(stock)
    if change.stock is not None:
        session.write(change.stock, change.entry)
    return change.outcome


def attempt(session: Session, request: Request) -> Outcome | PurchaseError:
    """Fulfil a request; an error is an answer too."""
    try:
        return fulfil(session, request)
    except PurchaseError as error:
        return error


def unwrap(answer: Outcome | PurchaseError) -> Outcome:
    """Return the outcome that was sent, or raise the error that was."""
    if isinstance(answer, PurchaseError):
        raise answer
    return answer


class Guard:
    """A lock as a context manager, with a scheduling point at either end.

    `acquire(True)` waits for the lock, `acquire(False)` says whether it was free and takes it if so. `mutex` promises
    that while somebody holds it nobody else can take it: not so where a name may come to stand for another file.
    `in_memory` says that nothing happens to it when its holder dies.
    """

    def __init__(
        self,
        name: str,
        acquire: Callable[[bool], bool],
        release: Callable[[], object],
        *,
        mutex: bool = True,
        in_memory: bool = False,
    ) -> None:
        self._acquiring = Step(Action.ACQUIRE, name, excludes=mutex, in_memory=in_memory)
        self._releasing = Step(Action.RELEASE, name, in_memory=in_memory)
        self._acquire = acquire
        self._release = release

    def _attempt(self) -> Literal[True, Blocked.BLOCKED]:
        return True if self._acquire(False) else BLOCKED

    def _wait(self) -> Literal[True]:
        self._acquire(True)
        return True

    def take(self) -> None:
        """Wait for the lock, and keep it."""
        block(self._acquiring, self._attempt, self._wait)

    __enter__ = take

    def __exit__(self, *_: object) -> None:
        at(self._releasing)
        self._release()


def flock_guard(name: str, file: int, *, mutex: bool = True) -> Guard:
    """Return a guard that holds an exclusive flock on an open file; the lock belongs to this opening of it."""

    def acquire(wait: bool) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    return Guard(name, acquire, lambda: fcntl.flock(file, fcntl.LOCK_UN), mutex=mutex)


def with_lock(session: Session, guard: AbstractContextManager[object]) -> Perform:
    """Return the purchase with a guard held around it."""

    def purchase(request: Request) -> Outcome:
        with guard:
            return fulfil(session, request)

    return purchase


def retrying(once: Perform, buyer: int) -> Perform:
    """Return a purchase that is tried again, a while later, each time that it meets a Conflict.

    The while is random, up to a bound that doubles from 1 ms to 64 ms. It raises GaveUp after so many RETRIES.
    """
    draw = Random(buyer)

    def purchase(request: Request) -> Outcome:
        for attempt in range(RETRIES):
            try:
                return once(request)
            except Conflict as conflict:
                refusal = str(conflict)
                note(RETRY, refusal)
                sleep(draw.random() * 0.001 * 2 ** min(attempt, 6))
        raise GaveUp(f"refused {RETRIES} times: {refusal}")

    return purchase


def wait_and_retry(reason: str, seconds: float = POLL) -> None:
    """Let time pass before another attempt: a few milliseconds, or all that is needed where time is virtual."""
    note(RETRY, reason)
    sleep(min(seconds, POLL) if current().may_wait else seconds)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open a file's descriptor for a while, to read and to write."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


class BaseStrategy:
    """The parts of a strategy that shares nothing and has no staff; overwrite what is different."""

    def prepare(self, setting: StrategyContext) -> None:
        """Share nothing."""

    def services(self) -> Sequence[Callable[[], None]]:
        """Employ nobody."""
        return ()

    def stop_services(self) -> None:
        """Nobody is there to be told."""

    def close(self) -> None:
        """Nothing is held."""
