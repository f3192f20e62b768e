"""The models of disks against second judges, and against what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import assume, given

from tests.powercut.drawn import BOOKS, NEW, opened, operations
from tests.powercut.second_judge import Content, machine_states, states_of, strict_states
from ticketlab.core.disk import TOP, Disk, DiskOperation, DiskWrite, RemoveEntry, Rename, Resize, SetEntry, Sync
from ticketlab.powercut.ext4 import ext4_families
from ticketlab.powercut.strict import strict_families

MOST = 3_000
"""How many states a drawn example may have."""


def sizes(opening: Disk, done: Sequence[DiskOperation]) -> int:
    return sum(family.size for family in [*strict_families(opening, done), *ext4_families(opening, done)])


@given(operations())
def test_the_strict_model_allows_what_its_contract_says_and_nothing_else(done: list[DiskOperation]) -> None:
    assume(sizes(opened(), done) <= MOST)
    assert states_of(strict_families(opened(), done)) == strict_states(opened(), done)


@pytest.mark.slow
@given(operations())
def test_whatever_ext4_can_leave_is_possible_by_the_strict_model_too(done: list[DiskOperation]) -> None:
    assume(sizes(opened(), done) <= MOST)
    assert states_of(ext4_families(opened(), done)) <= states_of(strict_families(opened(), done))


@given(operations(most=4))
def test_whatever_a_machine_with_a_journal_leaves_is_possible_by_the_model_of_ext4(done: list[DiskOperation]) -> None:
    assume(sizes(opened(), done) <= MOST)
    assert machine_states(opened(), done) <= states_of(ext4_families(opened(), done))


@given(operations())
def test_nothing_is_lost_of_what_was_forced_to_disk_at_the_end(done: list[DiskOperation]) -> None:
    forced = [*done, *(Sync(node) for node in [*range(NEW + len(done)), TOP])]
    newest = opened()
    for operation in done:
        newest.change(operation)
    for node in {node for entries in newest.folders.values() for node in entries.values()} - newest.folders.keys():
        newest.files.setdefault(node, b"")
    assert states_of(strict_families(opened(), forced)) == {frozenset(newest.content().items())}


def books(states: set[Content]) -> set[bytes | None]:
    found = set()
    for state in states:
        held = dict(state).get("books")
        assert not isinstance(held, str)
        found.add(held)
    return found


CREATE = SetEntry(TOP, "new", NEW, True)
WRITE = DiskWrite(NEW, 0, b"n" * 600)
OVER = Rename(TOP, "new", TOP, "books", NEW, BOOKS)
OLD, FRESH = b"a" * 600, b"n" * 600
TORN = {FRESH, b"", bytes(600), b"n" * 512 + bytes(88), bytes(512) + b"n" * 88}
APPENDED = {OLD, OLD + b"n" * 8, OLD + bytes(8)}
FAR = DiskWrite(NEW, 0, b"n" * 5000)


@pytest.mark.parametrize(
    ("done", "ext4", "strict"),
    [
        ((CREATE, WRITE, OVER), {OLD, FRESH}, {OLD, *TORN}),
        ((CREATE, WRITE, Sync(NEW), OVER), {OLD, FRESH}, {OLD, FRESH}),
        ((CREATE, WRITE, Sync(NEW), OVER, Sync(TOP)), {FRESH}, {FRESH}),
        (
            (CREATE, WRITE, RemoveEntry(TOP, "books", BOOKS), Rename(TOP, "new", TOP, "books", NEW)),
            {OLD, None, b"", FRESH},
            {OLD, None, *TORN},
        ),
        ((Resize(BOOKS, 0), DiskWrite(BOOKS, 0, b"n" * 40)), {OLD, b"", b"n" * 40}, None),
        ((DiskWrite(BOOKS, 600, b"n" * 8),), APPENDED, APPENDED),
        ((DiskWrite(BOOKS, 0, b"n" * 600),), {OLD, FRESH, b"n" * 512 + b"a" * 88, b"a" * 512 + b"n" * 88}, None),
    ],
    ids=["rename over", "fsync, rename", "fsync, rename, fsync", "unlink, rename", "truncate", "append", "overwrite"],
)  # fmt: skip
def test_what_can_be_left_of_a_file(
    done: tuple[DiskOperation, ...], ext4: set[bytes | None], strict: set[bytes | None] | None
) -> None:
    assert books(states_of(ext4_families(opened(), done))) == ext4
    if strict is not None:
        assert books(states_of(strict_families(opened(), done))) == strict


def test_a_file_grows_by_blocks_and_never_with_zeros_in_a_new_block_of_ext4() -> None:
    left = states_of(ext4_families(opened(), (CREATE, FAR)))
    assert {dict(state).get("new") for state in left} == {None, b"", b"n" * 4096, b"n" * 5000}


def test_data_that_is_forced_to_disk_makes_names_certain_on_ext4_only() -> None:
    done = (CREATE, WRITE, Sync(NEW))
    assert {dict(state).get("new") for state in states_of(ext4_families(opened(), done))} == {FRESH}
    assert {dict(state).get("new") for state in states_of(strict_families(opened(), done))} == {None, FRESH}
