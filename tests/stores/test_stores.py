"""The laws that every store keeps, and what is special to one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from ticketlab.core.errors import Conflict, TornRead, UsageError
from ticketlab.core.inventory import Buy, Inventory, Stock
from ticketlab.core.plugin import Session, Store, Transactional
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.stores.json_file import JsonStore
from ticketlab.stores.sqlite import SqliteStore
from ticketlab.strategies.purchase import fulfil
from ticketlab.testing.store_laws import STORE_LAWS
from ticketlab.testing.store_under_test import StoreLaw, StoreUnderTest

INVENTORY = Inventory({"floor": 3, "boxes": 1})
ALL = [
    "json",
    "json:in-place",
    "json:rename",
    "json:durable",
    "json:journal",
    "valkey",
    "sqlite",
    "sqlite:journal=delete",
    "manager",
    "private",
    "memory",
    "postgres",
]


def opened(name: str, folder: Path) -> Iterator[Store]:
    spec = Spec.parse(name)
    made = store_kind(spec).make(spec, folder)
    made.create(INVENTORY, ledger=True)
    yield made
    made.close()


@pytest.mark.parametrize("law", STORE_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", ALL)
def test_every_store_keeps_the_laws(name: str, law: StoreLaw) -> None:
    spec = Spec.parse(name)
    law(StoreUnderTest(store_kind(spec), spec))


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
