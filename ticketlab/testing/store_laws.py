"""The laws that every store keeps: functions, each with its law as its docstring, that raise AssertionError."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from contextlib import suppress
from typing import Final, cast

from ticketlab.core.inventory import Buy, Cancel, Cancelled, Entry, Sold, SoldOut, Stock
from ticketlab.core.plugin import Capability, Conditional, FileStore, ManagedStore, Store, Transactional, Versioned
from ticketlab.core.system.lifeline import die_with_parent
from ticketlab.testing.hold_laws import HOLD_LAWS
from ticketlab.testing.point_laws import POINT_LAWS
from ticketlab.testing.require import require, same
from ticketlab.testing.store_under_test import StoreLaw, StoreUnderTest, sales, sell

_METHODS: Final = {
    Capability.TRANSACTION: "transaction",
    Capability.ROW_LOCKS: "read_locked",
    Capability.ADVISORY_LOCKS: "take_advisory_lock",
    Capability.NUMBERED_TICKETS: "free_numbers",
    Capability.TICKET_LISTS: "sell_listed",
    Capability.STREAMS: "receive_order",
    Capability.COMPARE_AND_SET: "compare_and_set",
    Capability.CONDITIONAL_UPDATE: "apply",
}


def opens_with_its_stock(subject: StoreUnderTest) -> None:
    """A new store has the inventory's stock and an empty ledger."""
    with subject.opened() as store:
        books = store.books()
        same("the opening stock", books.stocks, {"floor": Stock("floor", 3, 3), "boxes": Stock("boxes", 1, 1)})
        same("the opening ledger", books.ledger, ())


def read_your_writes(subject: StoreUnderTest) -> None:
    """Another session reads what one session has written, and the books agree."""
    with subject.opened() as store, store.session() as one, store.session() as other:
        written = sell(one, 7, 2)
        same("what another session reads of the record just written", other.read("floor"), written)
        same("another section", other.read("boxes"), Stock("boxes", 1, 1))
        books = store.books()
        same("the books of the record just written", books.stocks["floor"], Stock("floor", 3, 1, issued=2, version=1))
        same("the sales in the ledger", sales(books), [(7, 1), (7, 2)])


def reset_in_place(subject: StoreUnderTest) -> None:
    """Reset brings back the opening stock while sessions are open."""
    with subject.opened() as store:
        opening = store.books()
        with store.session() as session:
            for section, tickets in (("floor", 3), ("boxes", 1)):
                session.read(section)
                numbers = tuple(range(1, tickets + 1))
                session.write(Stock(section, tickets, 0, tickets, 9), Entry(1, section, numbers))
            store.reset()
            same("the books after a reset", store.books(), opening)
            same("what an open session reads after a reset", session.read("floor"), Stock("floor", 3, 3))


def no_ledger(subject: StoreUnderTest) -> None:
    """Books without a ledger list no sales, and still count them."""
    with subject.opened(ledger=False) as store:
        with store.session() as session:
            sell(session, 1)
        same("the ledger of books that keep none", store.books().ledger, None)
        same("what is left", store.books().stocks["floor"].remaining, 2)


def pickling(subject: StoreUnderTest) -> None:
    """A store survives pickling, since it is handed to every buyer at start."""
    if subject.kind.in_process:
        return
    with subject.opened() as store:
        try:
            again: Store = pickle.loads(pickle.dumps(store))  # noqa: S301 - a copy of the store itself
        except Exception as error:
            raise AssertionError(f"the store does not survive pickling: {type(error).__name__}: {error}") from error
        same("the books of the unpickled store", again.books(), store.books())


def shared(subject: StoreUnderTest) -> None:
    """If the books are shared, every process reads what another one wrote."""
    if not subject.has(Capability.SHARED) or subject.kind.in_process:
        return

    def elsewhere(lab: int) -> None:
        die_with_parent(lab)
        with store.session() as session:
            sell(session, 2)

    with subject.opened() as store:
        buyer = multiprocessing.get_context("fork").Process(target=elsewhere, args=(os.getpid(),))
        buyer.start()
        buyer.join()
        same("the exit code of a process that sells", buyer.exitcode, 0)
        same("the sales that another process made", sales(store.books()), [(2, 1)])


def claims(subject: StoreUnderTest) -> None:
    """A session has the methods of the capabilities that its store claims, and no others."""
    with subject.opened() as store, store.session() as session:
        for capability, method in _METHODS.items():
            has, claimed = hasattr(session, method), subject.has(capability)
            require(has or not claimed, f"{capability.name} is claimed, and a session has no {method}")
            require(claimed or not has, f"a session has {method}, and {capability.name} is not claimed")
        if subject.has(Capability.FILE):
            path = cast("FileStore", store).path
            require(path.is_file(), f"FILE is claimed, and {path} is no file")
        if subject.has(Capability.MANAGER):
            with cast("ManagedStore", store).lock() as taken:
                require(taken, "MANAGER is claimed, and its lock cannot be taken")


def transactions(subject: StoreUnderTest) -> None:
    """A transaction that fails is rolled back, and one that succeeds is kept."""
    if not subject.has(Capability.TRANSACTION):
        return
    with subject.opened() as store, store.session() as session:
        transaction = cast("Transactional", session).transaction
        mode = "serializable" if subject.has(Capability.ISOLATION_LEVELS) else "immediate"
        with suppress(_Abandoned), transaction(mode):
            sell(session, 1)
            raise _Abandoned
        same("the sales of a transaction that failed", sales(store.books()), [])
        with transaction(mode):
            sell(session, 2)
        same("the sales of a transaction that succeeded", sales(store.books()), [(2, 1)])


class _Abandoned(Exception):
    pass


def compare_and_set(subject: StoreUnderTest) -> None:
    """Compare-and-set writes if the version is the one that was read, and is refused if it has changed."""
    if not subject.has(Capability.COMPARE_AND_SET):
        return
    with subject.opened() as store, store.session() as session:
        opening = session.read("floor")
        versioned = cast("Versioned", session)

        def sell(stock: Stock, quantity: int) -> bool:
            change = Buy(1, "floor", quantity).on(stock)
            assert change.stock is not None
            return versioned.compare_and_set(change.stock, change.entry)

        require(sell(opening, 1), "a version that nobody changed is refused")
        books = store.books()
        require(not sell(opening, 1), "a version that has changed is accepted")
        require(not sell(opening, 2), "a version that has changed is accepted")
        same("the books after a write was refused", store.books(), books)
        back = Cancel(1, "floor", (1,)).on(session.read("floor"))
        assert back.stock is not None
        session.write(back.stock, back.entry)
        require(not sell(opening, 1), "a version that has changed is accepted where the number of tickets is the same")


def conditional_update(subject: StoreUnderTest) -> None:
    """A conditional update sells and cancels, and never issues a ticket number again."""
    if not subject.has(Capability.CONDITIONAL_UPDATE):
        return
    with subject.opened() as store, store.session() as session:
        apply = cast("Conditional", session).apply
        opening = store.books()
        same("the answer to an order of more than is left", apply(Buy(1, "floor", 4)), SoldOut())
        same("the books after an order that was refused", store.books(), opening)
        same("the answer to an order of two", apply(Buy(1, "floor", 2)), Sold((1, 2)))
        same("the answer to a cancellation", apply(Cancel(1, "floor", (2,))), Cancelled((2,)))
        same("the answer to the next order", apply(Buy(2, "floor", 2)), Sold((3, 4)))
        same("what is left", store.books().stocks["floor"].remaining, 0)


STORE_LAWS: Final[tuple[StoreLaw, ...]] = (
    opens_with_its_stock,
    read_your_writes,
    reset_in_place,
    no_ledger,
    pickling,
    shared,
    claims,
    transactions,
    compare_and_set,
    conditional_update,
    *HOLD_LAWS,
    *POINT_LAWS,
)
