"""What a watched process has looked at is noted, whatever call it looks by."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ticketlab.core.disk import TOP, Disk
from ticketlab.gate.watched import Looks, Watched
from ticketlab.lab.powercuts.states import lay_out

BOOKS, FOLDER, WITHIN = 1, 2, 3
DISK = Disk({BOOKS: b"b" * 2048, WITHIN: b""}, {TOP: {"books": BOOKS, "d": FOLDER}, FOLDER: {"within": WITHIN}})


def looks_of(folder: Path, act: Callable[[], object]) -> Looks:
    def in_folder() -> None:
        os.chdir(folder)
        with suppress(OSError):
            act()

    watched = Watched(str(folder), lay_out(DISK, folder))
    assert watched.run(in_folder, 30.0) == 0
    return watched.looks


def read_part() -> None:
    os.pread(os.open("books", os.O_RDONLY), 10, 600)


def read_back() -> None:
    file = os.open("books", os.O_RDONLY)
    os.lseek(file, 1500, os.SEEK_SET)
    os.preadv(file, [bytearray(10)], 0, getattr(os, "RWF_HIPRI", 1))


def read_in_a_child() -> None:
    os.waitpid(os.posix_spawn("/bin/cat", ["cat", "books"], os.environ), 0)


def copy() -> None:
    os.copy_file_range(os.open("books", os.O_RDONLY), os.open("to", os.O_RDWR | os.O_CREAT), 9)


def covered(looks: Looks, path: str) -> set[int]:
    return {at for first, last in looks.data.get(path, ()) for at in range(first, min(last, 2048))}


@pytest.mark.parametrize(
    ("act", "read"),
    [
        (lambda: open("books").close(), range(0)),
        (read_part, range(600, 610)),
        (read_back, range(2048)),
        (read_in_a_child, range(2048)),
        (copy, range(2048)),
    ],
    ids=["open", "read a part", "read from another place", "a child reads", "copy"],
)
def test_what_is_read_is_noted(tmp_path: Path, act: Callable[[], object], read: range) -> None:
    looks = looks_of(tmp_path, act)
    assert covered(looks, "books") == set(read)
    assert "books" in looks.names
    assert not looks.everything


@pytest.mark.parametrize(
    "act",
    [lambda: list(Path("d").iterdir()), lambda: Path("d").rmdir(), lambda: Path("d").absolute().rmdir()],
    ids=["list", "remove", "remove by its path"],
)
def test_whether_a_folder_is_empty_counts_as_a_look_at_its_names(tmp_path: Path, act: Callable[[], object]) -> None:
    looks = looks_of(tmp_path, act)
    assert "d" in looks.listed
    assert "" not in looks.listed


def test_what_nobody_looks_at_is_not_noted(tmp_path: Path) -> None:
    looks = looks_of(tmp_path, lambda: Path("missing").stat())
    assert (looks.names, looks.listed, looks.data, looks.everything) == ({"missing"}, set(), {}, False)


def test_a_process_that_does_not_end_is_ended(tmp_path: Path) -> None:
    def wait_for_ever() -> None:
        os.read(os.pipe()[0], 1)

    assert Watched(str(tmp_path), {}).run(wait_for_ever, 0.5) is None
