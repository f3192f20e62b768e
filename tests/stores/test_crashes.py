"""What is left of a store when the process that wrote it was killed before one of its steps, or could not write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dying import each_death, killed_before, room_for
from ticketlab.core.errors import TornRead
from ticketlab.core.inventory import Buy, Inventory, Outcome, Sold
from ticketlab.core.plugin import Store
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.stores.journal import Journal
from ticketlab.strategies.purchase import fulfil

SURVIVING = ["json:rename", "json:durable", "json:journal", "sqlite", "sqlite:journal=delete"]


@contextmanager
def opened(name: str, folder: Path) -> Iterator[Store]:
    spec = Spec.parse(name)
    store = store_kind(spec).make(spec, folder)
    store.create(Inventory.of(9), ledger=True)
    try:
        yield store
    finally:
        store.close()


def buy(store: Store, buyer: int) -> Outcome:
    with store.session() as session:
        return fulfil(session, Buy(buyer, "main"))


def remaining(store: Store) -> int:
    """Read the books, and see to it that what is left and what the ledger lists belong together."""
    books = store.books()
    assert books.ledger is not None
    left = books.stocks["main"].remaining
    assert left == 9 - sum(len(entry.tickets) for entry in books.ledger)
    return left


@pytest.mark.parametrize("name", SURVIVING)
def test_whenever_a_writer_is_killed_the_books_are_as_before_or_as_after(name: str, tmp_path: Path) -> None:
    with opened(name, tmp_path) as store:
        deaths, before = 0, 9
        for _ in each_death(lambda: buy(store, 1)):
            deaths += 1
            left = remaining(store)
            assert left in (before, before - 1)
            assert buy(store, 2) == Sold((9 - left + 1,))  # and the next one buys as if nothing had happened
            before = remaining(store)
            assert before == left - 1
            store.reset()
            before = 9
        assert deaths >= 2


def test_a_journal_is_replayed_by_the_next_one_who_may_be_killed_as_well(tmp_path: Path) -> None:
    with opened("json:journal", tmp_path) as store:
        for _ in each_death(lambda: buy(store, 1)):
            torn = (tmp_path / "inventory.json").read_bytes(), (tmp_path / "inventory.journal").read_bytes()
            left = remaining(store)
            for _ in each_death(lambda: buy(store, 2)):
                assert remaining(store) in (left, left - 1)
                for file, content in zip(("inventory.json", "inventory.journal"), torn, strict=True):
                    (tmp_path / file).write_bytes(content)
            store.reset()


def test_truncating_and_being_killed_leaves_a_file_that_nobody_can_read(tmp_path: Path) -> None:
    with opened("json:truncate", tmp_path) as store:
        assert killed_before(2, lambda: buy(store, 1))  # it has read, and truncated
        assert (tmp_path / "inventory.json").read_bytes() == b""
        with pytest.raises(TornRead, match="held 0 bytes"):
            buy(store, 2)
        with pytest.raises(TornRead):
            store.books()


def test_a_killed_rename_leaves_its_new_file_behind_and_a_killed_journal_nothing(tmp_path: Path) -> None:
    for name, strays in (("json:rename", 2), ("json:durable", 2), ("json:journal", 0)):
        folder = tmp_path / name
        folder.mkdir()
        with opened(name, folder) as store:
            files = {path.name for path in folder.iterdir()}
            for _ in each_death(partial(buy, store, 1)):
                store.reset()
            assert len({path.name for path in folder.iterdir()} - files) == strays


@pytest.mark.parametrize("name", ["json:rename", "json:durable", "json:journal"])
@pytest.mark.parametrize("room", [0, 20])
def test_a_disk_that_is_full_is_an_error_and_leaves_nothing_behind(name: str, room: int, tmp_path: Path) -> None:
    with opened(name, tmp_path) as store:
        files = set(tmp_path.iterdir())
        with room_for(room), pytest.raises(OSError, match="File too large"):
            buy(store, 1)
        assert set(tmp_path.iterdir()) == files
        assert remaining(store) == 9
        assert buy(store, 2) == Sold((1,))


def test_a_truncating_write_that_is_cut_short_is_an_error_and_leaves_torn_books(tmp_path: Path) -> None:
    with opened("json:truncate", tmp_path) as store:
        with room_for(20), pytest.raises(OSError, match="File too large"):
            buy(store, 1)
        with pytest.raises(TornRead, match="held 20 bytes"):
            store.books()


def test_a_write_in_place_that_is_cut_short_leaves_books_that_read_well_and_are_wrong(tmp_path: Path) -> None:
    with opened("json:in-place", tmp_path) as store:
        room = (tmp_path / "inventory.json").read_bytes().index(b'"issued"')
        with room_for(room), pytest.raises(OSError, match="File too large"):
            buy(store, 1)
        books = store.books()
        assert (books.stocks["main"].remaining, books.stocks["main"].issued, books.ledger) == (8, 0, ())


@given(text=st.text(), data=st.data())
def test_a_journal_that_was_cut_anywhere_counts_as_never_written(
    text: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "inventory.json"
    path.write_text("before")
    log, journal = path.with_suffix(".journal"), Journal(path)
    written = text.encode()
    with pytest.raises(IsADirectoryError):  # so that the journal stays full
        Journal(_in_the_way(path)).write(text)
    whole = path.with_name("way.journal").read_bytes()
    log.write_bytes(whole)
    assert journal.pending() == written
    log.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert journal.pending() is None
    journal.recover()
    assert path.read_text() == "before"


def _in_the_way(path: Path) -> Path:
    directory = path.with_name("way.json")
    directory.mkdir()
    return directory


def test_a_journal_with_a_flipped_bit_counts_as_never_written(tmp_path: Path) -> None:
    with opened("json:journal", tmp_path) as store:
        assert killed_before(4, lambda: buy(store, 1))  # the journal is flushed, and the file not yet written
        log = tmp_path / "inventory.journal"
        content = bytearray(log.read_bytes())
        assert remaining(store) == 8
        content[-20] ^= 1
        log.write_bytes(content)
        assert remaining(store) == 9
