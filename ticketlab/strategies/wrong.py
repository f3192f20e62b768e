"""Strategies that are wrong on purpose: each is a mistake that people make because it looks safe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from ticketlab.core.inventory import Buy, Confirm, Entry, Expired, Outcome, Request, Sold, SoldOut
from ticketlab.core.pacing import at, now
from ticketlab.core.plugin import Decrementing, FileStore, Numbering, Perform, Store, StrategyContext, Transactional
from ticketlab.core.steps import Action, Step
from ticketlab.strategies.numbered import NumberedPurchase
from ticketlab.strategies.process_lock import ProcessLock
from ticketlab.strategies.purchase import BaseStrategy, Guard, flock_guard, fulfil, retrying, wait_and_retry
from ticketlab.strategies.stale import LinkLock


class LockTooLate(ProcessLock):
    """Locks the write only: two buyers still read the same record before either writes."""

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Read and check unsynchronized, then write with the lock held."""
        guard = self.guard()
        with store.session() as session:

            def purchase(request: Request) -> Outcome:
                change = request.on(session.read(request.section))
                if change.stock is not None:
                    with guard:
                        session.write(change.stock, change.entry)
                return change.outcome

            yield purchase


class CheckThenLock(ProcessLock):
    """Looks whether a hold is still valid before it takes the lock; when it has the lock, the hold may have expired.

    Everything else happens with the lock held, so purchases without holds are safe.
    """

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Confirm, with the lock held, a hold that was valid a moment ago."""
        guard = self.guard()
        with store.session() as session:

            def purchase(request: Request) -> Outcome:
                if not isinstance(request, Confirm):
                    with guard:
                        return fulfil(session, request)
                hold = session.read(request.section).find(request.hold)
                if hold is None or hold.until <= now():
                    return Expired()
                with guard:
                    stock, entry, outcome = request.sell(session.read(request.section), hold)
                    if stock is not None:
                        session.write(stock, entry)
                return outcome

            yield purchase


class RetriesTooMuch(BaseStrategy):
    """Commits the sale, counts the visit in a second transaction, and repeats both if the second one is refused."""

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy again if the count of visits is refused."""

        def purchase(request: Request) -> Outcome:
            with session.transaction("repeatable-read"):
                outcome = fulfil(session, request)
            with session.transaction("repeatable-read"):
                stock = session.read(request.section)
                session.write(stock._replace(version=stock.version + 1), None)
            return outcome

        with store.session() as opened:
            session = cast("Transactional", opened)
            yield retrying(purchase, buyer)


class DecrementUnchecked(BaseStrategy):
    """Looks whether enough are left, and then takes them by a decrement, as if that could not have changed since."""

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy by a look and a decrement; all but purchases are done in one step."""

        def purchase(request: Request) -> Outcome:
            if isinstance(request, Buy) and session.read(request.section).remaining >= request.quantity:
                return session.take(request)
            return session.apply(request)

        with store.session() as opened:
            session = cast("Decrementing", opened)
            yield purchase


class CountThenInsert(NumberedPurchase):
    """Counts what is sold before it inserts the next number, as if the count could not change (a write skew)."""

    keyed = False

    def sell(self, session: Numbering, order: Buy) -> Outcome:
        """Count and insert in one transaction; two buyers who count the same both insert, and no row conflicts."""
        buyer, section, quantity = order
        with session.transaction("read-committed"):
            on_sale, sold = session.count_numbers(section)
            if on_sale - sold < quantity:
                return SoldOut()
            numbers = tuple(range(sold + 1, sold + quantity + 1))
            session.insert_numbers(Entry(buyer, section, numbers))
        return Sold(numbers)


class FlockOnDataFile(BaseStrategy):
    """Locks the data file itself; after a new file has been renamed over it, the lock guards the old inode.

    It is safe on a store that writes in place, and unsafe on `json:rename`.
    """

    def prepare(self, setting: StrategyContext) -> None:
        """Take the file that holds the books."""
        self._path = cast("FileStore", setting.store).path

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the data file locked, opened anew for each purchase."""
        with store.session() as session:

            def purchase(request: Request) -> Outcome:
                # A store that renames changes which file is opened, and tells that as a change of the data.
                opening = Step(Action.WRITE, _names(self._path), also=((Action.READ, self._path.name),))
                with _opened_and_flocked(self._path, opening):
                    return fulfil(session, request)

            yield purchase


class FlockUnlinked(BaseStrategy):
    """Removes the lock file after use; a buyer that waits on the old file and one that makes a new file both get in."""

    def prepare(self, setting: StrategyContext) -> None:
        """Choose the lock file."""
        self._path = setting.folder / "inventory.lock"

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with a lock file that is made for each purchase and then removed."""
        with store.session() as session:

            def purchase(request: Request) -> Outcome:
                with _opened_and_flocked(self._path, Step(Action.WRITE, _names(self._path))):
                    outcome = fulfil(session, request)
                    at(Step(Action.WRITE, _names(self._path)))
                    self._path.unlink(missing_ok=True)
                    return outcome

            yield purchase


class StaleAge(LinkLock):
    """Breaks a lock that is old, as if its holder had died; the holder may only be slow, and then two are inside."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def label(self) -> str:
        """Return the time at which the lock is taken."""
        return repr(now())

    def refused(self, holder: str, breakers: Guard) -> None:
        """Wait until the lock is old enough, then remove whichever lock is there by then."""
        age = now() - float(holder)
        if age < self._seconds:
            wait_and_retry("locked", self._seconds - age)
        else:
            self.break_lock()


def _names(path: Path) -> str:
    """Return a file's name as a resource: which file has that name is shared, and the file's lock does not guard it."""
    return f"name {path.name}"


@contextmanager
def _opened_and_flocked(path: Path, opening: Step) -> Iterator[None]:
    at(opening)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with flock_guard(path.name, file, mutex=False):
            yield
    finally:
        os.close(file)
