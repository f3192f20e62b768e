"""The kit: what keeps the laws passes, and each way to break one is found and told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Buy, Cancel, Entry, Hold, Outcome, Request, Stock
from ticketlab.core.pacing import at
from ticketlab.core.plugin import Capability, Perform, Store, StoreKind, StrategyKind
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action, Step
from ticketlab.lab.plugins.registry import names, registered, store_kind
from ticketlab.stores.memory import KIND as MEMORY
from ticketlab.stores.memory import MemorySession, MemoryStore
from ticketlab.strategies.lock import KIND as LOCK
from ticketlab.strategies.none import KIND as NONE
from ticketlab.strategies.process_lock import ProcessLock
from ticketlab.strategies.purchase import fulfil, with_lock
from ticketlab.testing import check_store, check_strategy

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.mark.slow
@pytest.mark.parametrize("store", ["json:in-place", "sqlite", "memory", "private", "postgres"])
def test_our_own_stores_conform(store: str) -> None:
    check_store(store)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "store"),
    [
        (LOCK, "memory"),
        ("check-then-lock", "memory"),
        ("clerk", "json:in-place"),
        ("atomic", "sqlite"),
        ("flock:data-file", "json:rename"),
        ("lease", "sqlite"),
        ("lease:unfenced", "json:in-place"),
        ("filelock:stale-age", "json:in-place"),
    ],
)
def test_our_own_strategies_conform(strategy: str | StrategyKind, store: str) -> None:
    check_strategy(strategy, store=store)


class Broken(MemoryStore):
    """A store with one mistake, by name."""

    mistake = ""

    def reset(self) -> None:
        if self.mistake == "resets one section" and self.records:
            self.records["floor"] = self._opening["floor"]
            self.ledger.clear()
        elif self.mistake != "keeps its ledger at reset" or not self.ledger:
            super().reset()

    @contextmanager
    def session(self) -> Iterator[Any]:
        yield BrokenSession(self, list(self._opening))


class BrokenSession(MemorySession):
    def __init__(self, store: Broken, sections: list[str]) -> None:
        super().__init__(store, sections)
        self.mistake = store.mistake
        if store.mistake == "offers a transaction":
            self.transaction = None
        if store.mistake == "names two resources":
            self._reading = {section: Step(Action.READ, f"{section} to read") for section in sections}
        if store.mistake == "hides writes from readers":
            self._writing = {section: Step(Action.WRITE, section, uncommitted=True) for section in sections}

    def read(self, section: str) -> Stock:
        if self.mistake == "reads before its point":
            stock = self._records[section]
            at(self._reading[section])
            return stock
        return super().read(section)

    def write(self, stock: Stock, entry: Entry | None) -> None:
        if self.mistake == "forgets holds":
            stock = stock._replace(holds=())
        if self.mistake == "writes without a point":
            self._put(stock, entry)
        elif self.mistake == "forgets the ledger":
            super().write(stock, None)
        else:
            super().write(stock, entry)

    def compare_and_set(self, stock: Stock, entry: Entry | None) -> bool:
        if self.mistake == "compares nothing":
            super().write(stock, entry)
            return True
        if self.mistake == "compares what is left":
            sold = len(entry.tickets) if entry else 0
            if self._records[stock.section].remaining != stock.remaining + sold:
                return False
            super().write(stock, entry)
            return True
        done = super().compare_and_set(stock, entry)
        if self.mistake == "writes what it refuses":
            self._records[stock.section] = stock
        return done

    def apply(self, request: Request) -> Outcome:
        if self.mistake == "looks, then applies":
            stock, entry, outcome = request.on(self.read(request.section))
            if stock is not None:
                super().write(stock, entry)
            return outcome
        if self.mistake == "applies without a condition" and isinstance(request, Buy):
            now = self._records[request.section]
            self._records[request.section] = now._replace(remaining=now.remaining + request.quantity)
        return super().apply(request)


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("keeps its ledger at reset", "Reset brings back the opening stock"),
        ("offers a transaction", "a session has transaction, and TRANSACTION is not claimed"),
        ("reads before its point", "A read passes its scheduling point before its access"),
        ("writes without a point", "a write passes no scheduling point: call at"),
        ("forgets the ledger", r"the sales in the ledger: found \[\], expected \[\(7, 1\), \(7, 2\)\]"),
        ("forgets holds", "If records carry holds, every session sees a hold"),
        ("compares nothing", "a version that has changed is accepted"),
        ("compares what is left", "accepted where the number of tickets is the same"),
        ("writes what it refuses", "the books after a write was refused: found"),
        ("applies without a condition", "the answer to an order of more than is left: found Sold"),
        ("looks, then applies", "atomic claims safety, and with 2 buyers and 1 ticket it is wrong"),
        ("resets one section", "Reset brings back the opening stock"),
        ("names two resources", "a read, read floor to read, and of a write, write floor, seem to commute"),
        ("hides writes from readers", "a read, read floor, and of a write, write floor, seem to commute"),
    ],
)
def test_each_mistake_of_a_store_is_told_in_a_sentence(mistake: str, sentence: str) -> None:
    made = type("Made", (Broken,), {"mistake": mistake})
    with pytest.raises(AssertionError, match=sentence):
        check_store(replace(MEMORY, name="broken", build=made))


def test_a_store_may_be_given_by_what_builds_it() -> None:
    def build(folder: Path) -> MemoryStore:
        return MemoryStore(folder, "")

    with pytest.raises(UsageError, match="name its capabilities"):
        check_store(build)
    kinds = MEMORY.capabilities - {Capability.SHARED}
    check_store(build, capabilities=kinds)
    with pytest.raises(AssertionError, match="another process made"):
        check_store(build, capabilities=kinds | {Capability.SHARED})


def test_a_strategy_that_wrongly_claims_safety_is_shown_wrong() -> None:
    proud = replace(NONE, name="proud", wrong=frozenset())
    with pytest.raises(AssertionError, match="proud claims safety, and with 2 buyers and 1 ticket it is wrong:"):
        check_strategy(proud, store="memory")


class LockedNowAndThen(ProcessLock):
    """A lock around all requests but those of some kinds."""

    unlocked: tuple[type, ...] = ()

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        with store.session() as session:
            locked = with_lock(session, self.guard())
            yield lambda request: fulfil(session, request) if isinstance(request, self.unlocked) else locked(request)


@pytest.mark.parametrize(
    ("unlocked", "sentence"),
    [
        ((Cancel,), "with 2 buyers, of whom one gives its ticket back, it is wrong"),
        ((Hold,), "with 2 buyers that hold the only ticket it is wrong"),
    ],
)
def test_a_lock_around_purchases_alone_is_found_out(unlocked: tuple[type, ...], sentence: str) -> None:
    made = type("Made", (LockedNowAndThen,), {"unlocked": unlocked})
    with pytest.raises(AssertionError, match=sentence):
        check_strategy(replace(LOCK, name="made", build=made), store="memory")


def test_a_strategy_that_wrongly_confesses_is_told_so() -> None:
    modest = replace(LOCK, name="modest", variants={}, wrong=frozenset({""}))
    with pytest.raises(AssertionError, match="said to be wrong, and no schedule of two or three buyers shows it"):
        check_strategy(modest, store="memory")


def test_a_budget_that_runs_out_is_no_pass() -> None:
    with pytest.raises(AssertionError, match="1 executions found nothing wrong, and are not all: undecided"):
        check_strategy("lock", store="memory", executions=1)


def test_a_strategy_that_the_store_cannot_carry_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be checked on json: transaction needs transactions"):
        check_strategy("transaction", store="json")


def test_a_guest_is_known_for_a_while() -> None:
    kind = StoreKind(name="guest", summary="", capabilities=frozenset(), build=MemoryStore)
    with registered(kind):
        assert store_kind(Spec("guest")) is kind
    with pytest.raises(UsageError, match="unknown store 'guest'"):
        store_kind(Spec("guest"))
    assert "guest" not in names("store")
