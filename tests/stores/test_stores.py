"""The laws that every store keeps, and what is special to one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from ticketlab.core.errors import Conflict, TornRead, UsageError
from ticketlab.core.inventory import Buy, Cancel, Entry, Inventory, Sold, Stock
from ticketlab.core.plugin import Capability, Conditional, Session, Store, Transactional, Versioned
from ticketlab.core.spec import Spec
from ticketlab.lab.registry import store_kind
from ticketlab.stores.json_file import JsonStore
from ticketlab.stores.sqlite import SqliteStore
from ticketlab.strategies.purchase import fulfil

INVENTORY = Inventory({"floor": 3, "boxes": 1})
ALL = ["json", "json:in-place", "json:rename", "sqlite", "sqlite:journal=delete", "manager", "private"]


@pytest.fixture(params=ALL)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    yield from opened(request.param, tmp_path)


def opened(name: str, folder: Path, *, ledger: bool = True) -> Iterator[Store]:
    spec = Spec.parse(name)
    made = store_kind(spec).make(spec, folder)
    made.create(INVENTORY, ledger=ledger)
    yield made
    made.close()


def test_the_opening_stock_is_what_the_inventory_says(store: Store) -> None:
    books = store.books()
    assert books.stocks == {"floor": Stock("floor", 3, 3), "boxes": Stock("boxes", 1, 1)}
    assert books.ledger == ()


def test_what_one_session_writes_another_reads_and_the_books_say(store: Store) -> None:
    with store.session() as one, store.session() as other:
        change = Buy(7, "floor", 2).on(one.read("floor"))
        assert change.stock is not None
        one.write(change.stock, change.entry)
        assert other.read("floor") == change.stock
        assert other.read("boxes") == Stock("boxes", 1, 1)
    books = store.books()
    assert books.stocks["floor"] == Stock("floor", 3, 1, issued=2, version=1)
    assert books.ledger is not None
    assert [(entry.buyer, ticket) for entry in books.ledger for ticket in entry.tickets] == [(7, 1), (7, 2)]


def test_reset_brings_back_the_opening_stock_under_open_sessions(store: Store) -> None:
    opening = store.books()
    with store.session() as session:
        session.read("floor")
        session.write(Stock("floor", 3, 0, 3, 9), Entry(1, "floor", (1, 2, 3)))
        store.reset()
        assert store.books() == opening
        assert session.read("floor") == Stock("floor", 3, 3)


@pytest.mark.parametrize("name", ALL)
def test_books_without_a_ledger_list_no_sales(name: str, tmp_path: Path) -> None:
    for store in opened(name, tmp_path, ledger=False):
        with store.session() as session:
            change = Buy(1, "floor").on(session.read("floor"))
            assert change.stock is not None
            session.write(change.stock, change.entry)
        assert store.books().ledger is None
        assert store.books().stocks["floor"].remaining == 2


@pytest.mark.parametrize("name", ["json", "sqlite"])
def test_what_stands_there_is_never_overwritten(name: str, tmp_path: Path) -> None:
    for _ in opened(name, tmp_path):
        spec = Spec.parse(name)
        with pytest.raises(UsageError, match="exists already"):
            store_kind(spec).make(spec, tmp_path).create(INVENTORY, ledger=True)


@pytest.mark.parametrize(("name", "file"), [("json", "inventory.json"), ("sqlite", "inventory.db")])
def test_a_directory_in_the_way_is_named(name: str, file: str, tmp_path: Path) -> None:
    (tmp_path / file).mkdir()
    spec = Spec.parse(name)
    with pytest.raises(UsageError, match="is a directory"):
        store_kind(spec).make(spec, tmp_path).create(INVENTORY, ledger=True)


@pytest.mark.parametrize("content", [b"", b'{"sections": {"fl', b'{"sections": {}} }'])
def test_a_half_written_json_file_is_a_torn_read_that_certainly_changed_nothing(content: bytes, tmp_path: Path) -> None:
    for store in opened("json", tmp_path):
        cast("JsonStore", store).path.write_bytes(content)
        with store.session() as session, pytest.raises(TornRead, match=f"held {len(content)} bytes") as caught:
            session.read("floor")
        assert caught.value.definite


def test_a_rename_leaves_no_new_file_behind_when_it_fails(tmp_path: Path) -> None:
    for store in opened("json:rename", tmp_path):
        with store.session() as session:
            session.read("floor")
            path = cast("JsonStore", store).path
            path.unlink()
            path.mkdir()  # so that it cannot be replaced
            with pytest.raises(OSError, match=r"inventory\.json"):
                session.write(Stock("floor", 3, 2, 1, 1), None)
        assert list(tmp_path.iterdir()) == [path]


def test_begin_immediate_is_really_issued(tmp_path: Path) -> None:
    for store in opened("sqlite", tmp_path):
        issued: list[str] = []
        connection = cast("SqliteStore", store).engine().raw_connection()
        cast("sqlite3.Connection", connection.driver_connection).set_trace_callback(issued.append)
        connection.close()
        with store.session() as session:
            transactional = cast("Transactional", session)
            with transactional.transaction("immediate"):
                other = sqlite3.connect(cast("SqliteStore", store).path, timeout=0)
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.execute("BEGIN IMMEDIATE")
                other.close()


def test_a_reader_that_becomes_a_writer_too_late_is_refused(tmp_path: Path) -> None:
    for store in opened("sqlite", tmp_path):
        with store.session() as one, store.session() as other:
            with pytest.raises(Conflict, match="SQLITE_BUSY_SNAPSHOT") as caught:
                _sell_behind_the_back_of(cast("Transactional", one), other)
            assert caught.value.definite
            assert other.read("floor").remaining == 2


def _sell_behind_the_back_of(one: Transactional, other: Session) -> None:
    with one.transaction("deferred"):
        change = Buy(1, "floor").on(one.read("floor"))
        fulfil(other, Buy(2, "floor"))
        assert change.stock is not None
        one.write(change.stock, change.entry)


def test_compare_and_set_refuses_a_version_that_has_moved_on(tmp_path: Path) -> None:
    for store in opened("sqlite", tmp_path):
        with store.session() as session:
            change = Buy(1, "floor").on(session.read("floor"))
            assert change.stock is not None
            versioned = cast("Versioned", session)
            assert versioned.compare_and_set(change.stock, change.entry)
            assert not versioned.compare_and_set(change.stock, change.entry)
        assert store.books().ledger == (Entry(1, "floor", (1,)),)


def test_a_conditional_update_sells_and_takes_back(tmp_path: Path) -> None:
    for store in opened("sqlite", tmp_path):
        with store.session() as session:
            apply = cast("Conditional", session).apply
            assert apply(Buy(1, "floor", 2)) == Sold((1, 2))
            assert apply(Cancel(1, "floor", (2,))).tickets == (2,)  # type: ignore[union-attr]
            assert apply(Buy(2, "floor", 2)) == Sold((3, 4))
        assert store.books().stocks["floor"].remaining == 0


def test_only_capabilities_that_a_session_has_are_claimed(store: Store) -> None:
    name = type(store).__name__.removesuffix("Store").lower()
    has = store_kind(Spec(name)).capabilities
    with store.session() as session:
        assert hasattr(session, "transaction") == (Capability.TRANSACTION in has)
        assert hasattr(session, "compare_and_set") == (Capability.COMPARE_AND_SET in has)
        assert hasattr(session, "apply") == (Capability.CONDITIONAL_UPDATE in has)
