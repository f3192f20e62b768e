"""The parts of strategies: the purchase as a textbook writes it, and ways to hold a lock around it or to retry it."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from random import Random
from typing import Literal

from ticketlab.core import mutants
from ticketlab.core.errors import Conflict, GaveUp, PurchaseError
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.mutants import GuardUse
from ticketlab.core.pacing import BLOCKED, RETRY, Blocked, at, block, current, note, sleep
from ticketlab.core.plugin import Perform, Session, StrategyContext
from ticketlab.core.steps import Action, Step
from ticketlab.core.text import pluralize

RETRIES = 100
"""How often a strategy tries again after a Conflict before it gives up."""

_POLL_SECONDS = 0.005
"""How long a buyer sleeps before another attempt where nothing wakes it."""


def fulfil(session: Session, request: Request) -> Outcome:
    """Read, check and write; that is safe only if nobody else writes in between."""
    stock = session.read(request.section)
    change = request.on(stock)
    if change.stock is not None:
        session.write(change.stock, change.entry)
    return change.outcome


def attempt(session: Session, request: Request) -> Outcome | PurchaseError:
    """Fulfil a request, and return its outcome or the error that it raised, so that either can be sent as an answer."""
    try:
        return fulfil(session, request)
    except PurchaseError as error:
        return error


def unwrap(answer: Outcome | PurchaseError) -> Outcome:
    """Return an answer that is an outcome, or raise one that is an error."""
    if isinstance(answer, PurchaseError):
        raise answer
    return answer


class Guard:
    """A lock as a context manager, with a scheduling point at either end.

    `acquire(True)` waits for the lock; `acquire(False)` takes it if it is free, and returns whether it was. `mutex`
    promises that while a holder has the lock every attempt fails, even the holder's own; then the lab need not try. A
    semaphore and a re-entrant lock do not keep that promise, nor does a lock that processes do not share, or one by a
    name that may come to stand for another file. `in_memory` says that the lock stays taken when its holder dies.
    """

    def __init__(
        self,
        name: str,
        acquire: Callable[[bool], bool],
        release: Callable[[], object],
        *,
        mutex: bool = False,
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
        """Wait for the lock and take it."""
        if (mutator := mutants.mutator()) is None:
            self._take()
        else:
            mutator.enter(GuardUse("lock", id(self), self._take, self._try, self._give))

    def _take(self) -> None:
        block(self._acquiring, self._attempt, self._wait)

    def _try(self) -> bool:
        at(self._acquiring)
        return self._acquire(False)

    __enter__ = take

    def __exit__(self, *_: object) -> None:
        if (mutator := mutants.mutator()) is None:
            self._give()
        else:
            mutator.leave(id(self), self._give)

    def _give(self) -> None:
        at(self._releasing)
        self._release()


def flock_guard(name: str, file: int, *, mutex: bool = True) -> Guard:
    """Return a guard that holds an exclusive flock on an open file; the lock belongs to this opening of the file."""

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
    """Return a purchase that sleeps and tries again after each Conflict, and raises GaveUp after RETRIES of them.

    The sleep is random, up to a bound that doubles from 1 ms to 64 ms.
    """
    draw = Random(buyer)

    def purchase(request: Request) -> Outcome:
        for attempt in range(RETRIES):
            try:
                return once(request)
            except Conflict as conflict:
                refusal = str(conflict)
                if not _tries_again():
                    break
                note(RETRY, refusal)
                sleep(draw.random() * 0.001 * 2 ** min(attempt, 6))
        raise GaveUp(f"refused {pluralize(attempt + 1, 'time')}: {refusal}")

    return purchase


def _tries_again() -> bool:
    mutator = mutants.mutator()
    return mutator is None or bool(mutator.replace("retry", lambda: True, lambda: False))


def wait_and_retry(reason: str, seconds: float = _POLL_SECONDS) -> None:
    """Note a retry, and sleep before it: `seconds` if time is virtual, else at most a few milliseconds."""
    note(RETRY, reason)
    sleep(min(seconds, _POLL_SECONDS) if current().may_wait else seconds)


class BaseStrategy:
    """The parts of a strategy that shares nothing and has no services; a subclass overrides what differs."""

    def prepare(self, setting: StrategyContext) -> None:
        """Share nothing."""

    def services(self) -> Sequence[Callable[[], None]]:
        """Return no services."""
        return ()

    def stop_services(self) -> None:
        """Do nothing: there are no services."""

    def close(self) -> None:
        """Do nothing: nothing was taken."""
