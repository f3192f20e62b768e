"""The journal: a write that was begun is finished by the next reader, and one that was cut short never happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dying import each_death, killed_before
from tests.stores.purchases import buy, opened, remaining
from ticketlab.stores.journal import Journal


@pytest.mark.slow
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
