"""The laws that every store keeps: functions, each with its law as its docstring, that raise AssertionError."""

from __future__ import annotations

import multiprocessing
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar, cast

from ticketlab.core.inventory import (
    Books,
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Entry,
    Expired,
    Found,
    Held,
    Hold,
    Inventory,
    Search,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.pacing import Action, Blocked, Free, Step, paced_by
from ticketlab.core.plugin import (
    Capability,
    Conditional,
    FileStore,
    ManagedStore,
    Session,
    Store,
    StoreKind,
    Transactional,
    Versioned,
)
from ticketlab.core.spec import Spec
from ticketlab.testing.require import require, same

T = TypeVar("T")
INVENTORY: Final = Inventory({"floor": 3, "boxes": 1})
_METHODS: Final = {
    Capability.TRANSACTION: "transaction",
    Capability.COMPARE_AND_SET: "compare_and_set",
    Capability.CONDITIONAL_UPDATE: "apply",
}


@dataclass(frozen=True, slots=True)
class StoreUnderTest:
    """A store as it is asked for: its kind, and the spec with the variant."""

    kind: StoreKind
    spec: Spec

    def has(self, capability: Capability) -> bool:
        """Whether the kind claims a capability."""
        return capability in self.kind.capabilities

    @contextmanager
    def opened(self, *, ledger: bool = True) -> Iterator[Store]:
        """Create a store in a folder of its own, and take it down afterwards."""
        with tempfile.TemporaryDirectory(prefix="ticketlab-") as folder:
            store = self.kind.make(self.spec, Path(folder))
            store.create(INVENTORY, ledger=ledger)
            try:
                yield store
            finally:
                store.close()


StoreLaw = Callable[[StoreUnderTest], None]


class _Watching(Free):
    """Once armed, calls back at the scheduling point of the first step that reads, or of the first that changes."""

    def __init__(self, action_changes: bool) -> None:
        self.came = False
        self._changes = action_changes
        self._then: Callable[[], object] | None = None

    def arm(self, then: Callable[[], object]) -> None:
        """Say what to do there."""
        self._then = then

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        self.at(step)
        return wait()

    def at(self, step: Step) -> None:
        if self._then and step.changes == self._changes and step.action not in (Action.BEGIN, Action.COMMIT):
            then, self._then, self.came = self._then, None, True
            then()


def _sell(session: Session, buyer: int, quantity: int = 1) -> Stock:
    change = Buy(buyer, "floor", quantity).on(session.read("floor"))
    if change.stock is None:
        raise AssertionError(f"a session that should find {quantity} tickets left is told that there are fewer")
    session.write(change.stock, change.entry)
    return change.stock


def opening_stock(subject: StoreUnderTest) -> None:
    """The opening stock is what the inventory says, and nothing is in the ledger."""
    with subject.opened() as store:
        books = store.books()
        same("the opening stock", books.stocks, {"floor": Stock("floor", 3, 3), "boxes": Stock("boxes", 1, 1)})
        same("the opening ledger", books.ledger, ())


def read_your_writes(subject: StoreUnderTest) -> None:
    """What one session writes another one reads, and the books say."""
    with subject.opened() as store, store.session() as one, store.session() as other:
        written = _sell(one, 7, 2)
        same("what another session reads of the record just written", other.read("floor"), written)
        same("another section", other.read("boxes"), Stock("boxes", 1, 1))
        books = store.books()
        same("the books of the record just written", books.stocks["floor"], Stock("floor", 3, 1, issued=2, version=1))
        same("the sales in the ledger", _sales(books), [(7, 1), (7, 2)])


def reset_in_place(subject: StoreUnderTest) -> None:
    """Reset brings back the opening stock under open sessions."""
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
    """Books without a ledger list no sales, and count them all the same."""
    with subject.opened(ledger=False) as store:
        with store.session() as session:
            _sell(session, 1)
        same("the ledger of books that keep none", store.books().ledger, None)
        same("what is left", store.books().stocks["floor"].remaining, 2)


def pickling(subject: StoreUnderTest) -> None:
    """A store survives pickling: it is handed to every buyer at start."""
    if subject.kind.in_process:
        return
    with subject.opened() as store:
        try:
            again: Store = pickle.loads(pickle.dumps(store))  # noqa: S301 - its own copy
        except Exception as error:
            raise AssertionError(f"the store does not survive pickling: {type(error).__name__}: {error}") from error
        same("the books of the unpickled store", again.books(), store.books())


def shared(subject: StoreUnderTest) -> None:
    """Where the books are shared, every process sees what another one wrote."""
    if not subject.has(Capability.SHARED) or subject.kind.in_process:
        return

    def elsewhere() -> None:
        with store.session() as session:
            _sell(session, 2)

    with subject.opened() as store:
        buyer = multiprocessing.get_context("fork").Process(target=elsewhere)
        buyer.start()
        buyer.join()
        same("the exit code of a process that sells", buyer.exitcode, 0)
        same("the sales that another process made", _sales(store.books()), [(2, 1)])


def claims(subject: StoreUnderTest) -> None:
    """A session has what its store claims, and claims what it has."""
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
    """What is done in a transaction that fails is rolled back, and what is done in one that ends well stays."""
    if not subject.has(Capability.TRANSACTION):
        return
    with subject.opened() as store, store.session() as session:
        transaction = cast("Transactional", session).transaction
        with suppress(_Abandoned), transaction("immediate"):
            _sell(session, 1)
            raise _Abandoned
        same("the sales of a transaction that failed", _sales(store.books()), [])
        with transaction("immediate"):
            _sell(session, 2)
        same("the sales of a transaction that ended well", _sales(store.books()), [(2, 1)])


class _Abandoned(Exception):
    pass


def compare_and_set(subject: StoreUnderTest) -> None:
    """Compare-and-set writes once for each version that was read, and refuses a version that has moved on."""
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
        require(not sell(opening, 1), "a version that has moved on is accepted")
        require(not sell(opening, 2), "a version that has moved on is accepted")
        same("the books after a write was refused", store.books(), books)
        back = Cancel(1, "floor", (1,)).on(session.read("floor"))
        assert back.stock is not None
        session.write(back.stock, back.entry)
        require(not sell(opening, 1), "a version is accepted that has moved on to the same number of tickets")


def conditional_update(subject: StoreUnderTest) -> None:
    """A conditional update sells, takes back, and never issues a number again."""
    if not subject.has(Capability.CONDITIONAL_UPDATE):
        return
    with subject.opened() as store, store.session() as session:
        apply = cast("Conditional", session).apply
        opening = store.books()
        same("what an order of more than there is is told", apply(Buy(1, "floor", 4)), SoldOut())
        same("the books after an order that was turned away", store.books(), opening)
        same("what an order of two is told", apply(Buy(1, "floor", 2)), Sold((1, 2)))
        same("what a cancellation is told", apply(Cancel(1, "floor", (2,))), Cancelled((2,)))
        same("what the next order is told", apply(Buy(2, "floor", 2)), Sold((3, 4)))
        same("what is left", store.books().stocks["floor"].remaining, 0)


def holds(subject: StoreUnderTest) -> None:
    """Where records carry holds, what is held is there for every session, and gone after a reset."""
    if not subject.has(Capability.HOLDS):
        return
    with subject.opened() as store, store.session() as one, store.session() as other:
        held = Hold(7, "floor", 2, 3600.0, "7.1").on(one.read("floor")).stock
        assert held is not None
        one.write(held, None)
        same("what another session reads of a record with a hold", other.read("floor"), held)
        same("the books of a record with a hold", store.books().stocks["floor"], held)
        sold = Confirm(7, "floor", "7.1").on(other.read("floor"))
        assert sold.stock is not None
        other.write(sold.stock, sold.entry)
        same("a record whose hold was confirmed", one.read("floor"), Stock("floor", 3, 1, issued=2, version=2))
        one.write(held, None)
        store.reset()
        same("what a session reads after a reset", one.read("floor"), Stock("floor", 3, 3))


def holds_in_one_step(subject: StoreUnderTest) -> None:
    """A conditional update holds, confirms once, lets go, and finds what is over for sale again."""
    if not {Capability.HOLDS, Capability.CONDITIONAL_UPDATE} <= subject.kind.capabilities:
        return
    with subject.opened() as store, store.session() as session:
        apply = cast("Conditional", session).apply
        same("a hold of two", apply(Hold(1, "floor", 2, 3600.0, "1.1")), Held("1.1"))
        same("a hold of what is not left", apply(Hold(2, "floor", 2, 3600.0, "2.1")), SoldOut())
        same("an order of what is not left", apply(Buy(2, "floor", 2)), SoldOut())
        same("a confirmation", apply(Confirm(1, "floor", "1.1")), Sold((1, 2)))
        same("the same confirmation again", apply(Confirm(1, "floor", "1.1")), Expired())
        same("a hold that is over at once", apply(Hold(2, "floor", 1, 1e-9, "2.2")), Held("2.2"))
        same("its confirmation", apply(Confirm(2, "floor", "2.2")), Expired())
        same("another such hold", apply(Hold(2, "floor", 1, 1e-9, "2.3")), Held("2.3"))
        same("a search after it", apply(Search(1, "floor")), Found(1))
        same("a hold that is let go", apply(Hold(3, "floor", 1, 3600.0, "3.1")), Held("3.1"))
        same("letting it go", apply(Cancel(3, "floor", hold="3.1")), Cancelled(()))
        same("one more such hold", apply(Hold(2, "floor", 1, 1e-9, "2.4")), Held("2.4"))
        same("an order after it", apply(Buy(1, "floor")), Sold((3,)))
        same("what is left", store.books().stocks["floor"]._replace(version=0), Stock("floor", 3, 0, 3))


def point_before_reading(subject: StoreUnderTest) -> None:
    """A read passes its scheduling point before it looks: what changes there is what it reads."""
    if not subject.has(Capability.RECORDS):
        return
    watching, sold = _Watching(False), list[Stock]()
    # A session may keep the pacer that it was opened under, so that one is opened under the watching one.
    with subject.opened() as store, store.session() as other, paced_by(watching), store.session() as session:
        watching.arm(lambda: sold.append(_sell(other, 2)))
        found = session.read("floor")
        require(watching.came, "a read passes no scheduling point: call at(Step(Action.READ, ...)) before the access")
        same("what a read finds that was overtaken at its scheduling point", found, sold[0])


def point_before_writing(subject: StoreUnderTest) -> None:
    """A write passes its scheduling point before it changes anything."""
    if not subject.has(Capability.RECORDS):
        return
    watching, seen = _Watching(True), list[Books]()
    with subject.opened() as store, paced_by(watching), store.session() as session:
        change = Buy(1, "floor").on(session.read("floor"))
        assert change.stock is not None
        watching.arm(lambda: seen.append(store.books()))
        session.write(change.stock, change.entry)
        require(watching.came, "a write passes no scheduling point: call at(Step(Action.WRITE, ...)) before the access")
        same("what is left at the scheduling point of a write", seen[0].stocks["floor"].remaining, 3)


def points_on_one_resource(subject: StoreUnderTest) -> None:
    """A read and a write of one section say so at their points: their order matters."""
    if not subject.has(Capability.RECORDS):
        return
    listening = _Listening()
    with subject.opened() as store, paced_by(listening), store.session() as session:
        change = Buy(1, "floor").on(session.read("floor"))
        assert change.stock is not None
        reading, listening.steps = listening.steps, []
        session.write(change.stock, change.entry)
    require(
        any(not one.commutes_with(other) for one in reading for other in listening.steps),
        f"the steps of a read, {_words(reading)}, and of a write, {_words(listening.steps)}, seem to commute: a search "
        "would leave out their order (name one resource, and let no step be `own`, or `uncommitted` without a COMMIT)",
    )


class _Listening(Free):
    """Takes down the steps."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def at(self, step: Step) -> None:
        self.steps.append(step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        self.at(step)
        return wait()


def _words(steps: Sequence[Step]) -> str:
    return ", ".join(f"{step.action.value} {step.resource}" for step in steps) or "none"


STORE_LAWS: Final[tuple[StoreLaw, ...]] = (
    opening_stock,
    read_your_writes,
    reset_in_place,
    no_ledger,
    pickling,
    shared,
    claims,
    transactions,
    compare_and_set,
    conditional_update,
    holds,
    holds_in_one_step,
    point_before_reading,
    point_before_writing,
    points_on_one_resource,
)


def _sales(books: Books) -> list[tuple[int, int]]:
    return [(entry.buyer, ticket) for entry in books.ledger or () for ticket in entry.tickets]
