"""The kit: what keeps the laws passes, and each way to break one is found and told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Entry, Stock
from ticketlab.core.pacing import at
from ticketlab.core.plugin import Capability, StoreKind, StrategyKind
from ticketlab.core.spec import Spec
from ticketlab.lab.registry import guest, names, store_kind
from ticketlab.stores.memory import KIND as MEMORY
from ticketlab.stores.memory import MemorySession, MemoryStore
from ticketlab.strategies.lock import KIND as LOCK
from ticketlab.strategies.none import KIND as NONE
from ticketlab.testing import check_store, check_strategy


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("store", ["json:in-place", "sqlite", "memory", "private"])
def test_our_own_stores_conform(store: str) -> None:
    check_store(store)


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
        if self.mistake != "keeps its ledger at reset" or not self.ledger:
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
        return super().compare_and_set(stock, entry)


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("keeps its ledger at reset", "Reset brings back the opening stock"),
        ("offers a transaction", "a session has transaction, and TRANSACTION is not claimed"),
        ("reads before its point", "A read passes its scheduling point before it looks"),
        ("writes without a point", "a write passes no scheduling point: call at"),
        ("forgets the ledger", r"the sales in the ledger: found \[\], expected \[\(7, 1\), \(7, 2\)\]"),
        ("forgets holds", "Where records carry holds, what is held is there for every session"),
        ("compares nothing", "a version that has moved on is accepted"),
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
    with guest(kind):
        assert store_kind(Spec("guest")) is kind
    with pytest.raises(UsageError, match="unknown store 'guest'"):
        store_kind(Spec("guest"))
    assert "guest" not in names("store")
