"""What is left of a store when the process that wrote it was killed before one of its steps, or could not write."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.dying import each_death, killed_before, room_for
from tests.stores.purchases import buy, opened, remaining
from ticketlab.core.errors import TornRead
from ticketlab.core.inventory import Sold

SURVIVING = ["json:rename", "json:durable", "json:journal", "sqlite", "sqlite:journal=delete"]


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


def test_a_truncating_write_that_is_cut_short_is_an_error_and_leaves_a_corrupted_file(tmp_path: Path) -> None:
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
