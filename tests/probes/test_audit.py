"""What passes the probes by is heard of, and what a function keeps is stood in for: neither is proved by mistake."""

from __future__ import annotations

import ctypes
import functools
import io
import mmap
import os
import socket
import sqlite3
from abc import ABCMeta
from collections.abc import Callable
from contextlib import closing
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration

INLINE = ExploreOptions(executor="inline")
KEPT: dict[str, Any] = {"open": open, "again": [open, os.listdir]}
READ = functools.partial(open, mode="r")


def explored(function: Callable[..., object]) -> PlainExploration:
    return explore_plain(PlainFunction(function=function, reset=reset, invariant=invariant), INLINE)


def reset(folder: Path) -> None:
    (folder / "count").write_text("0")


def invariant(folder: Path) -> None:
    assert (folder / "count").read_text() == "2"


def write(text: str, who: int) -> None:
    new = Path(f"count.{who}")
    new.write_text(str(int(text) + 1))
    new.replace("count")


def by_default(who: int, opening: Any = open) -> None:
    with opening("count") as file:
        write(file.read(), who)


def by_dictionary(who: int) -> None:
    with KEPT["open"]("count") as file:
        write(file.read(), who)


def by_list(who: int) -> None:
    with KEPT["again"][0]("count") as file:
        write(file.read(), who)


def by_partial(who: int) -> None:
    with READ("count") as file:
        write(file.read(), who)


class Opener(metaclass=ABCMeta):  # noqa: B024 - a class whose type is another one
    opening = open


def by_class(who: int) -> None:
    with Opener.opening("count") as file:
        write(file.read(), who)


def by_closure() -> Callable[[int], None]:
    opening = open

    def count(who: int) -> None:
        with opening("count") as file:
            write(file.read(), who)

    return count


@pytest.mark.slow
@pytest.mark.parametrize("function", [by_default, by_dictionary, by_list, by_partial, by_class, by_closure()])
def test_what_a_function_keeps_is_seen_and_put_back(function: Callable[..., None]) -> None:
    assert "lost update" in explored(function).names
    assert {"open": open, "again": [open, os.listdir]} == KEPT
    assert vars(Opener)["opening"] is open
    assert READ.func is by_default.__defaults__[0] is open  # type: ignore[index]


def test_what_a_generator_keeps_cannot_be_seen_and_is_no_proof() -> None:
    def forever(look: Any) -> Any:
        while True:
            yield look

    looks = forever(os.stat)
    next(looks)

    def work() -> None:
        next(looks)("count")
        Path("seen").mkdir(exist_ok=True)

    found = explore_plain(PlainFunction(function=work, reset=reset), INLINE)
    assert found.verdict.valid is None
    assert found.verdict.reason == "looks cannot be exchanged: what it does the lab does not see"


def map_memory() -> None:
    with open("count", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        assert memory[0]


def map_shared_memory() -> None:
    shared_memory.SharedMemory(create=True, size=1).unlink()


def bind_socket() -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("")


def call_c_code() -> None:
    assert ctypes.CDLL(None).getpid()


def open_by_c_code() -> None:
    io.open_code(str(Path("count").absolute())).close()


def open_inside_a_statement() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.create_function("read", 0, lambda: Path("count").read_text())
        database.execute("select read()").fetchone()


def open_for_a_row() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = lambda *_: Path("count").read_text()
        database.execute("select 1").fetchone()


class Named:
    """A path that reads a file to say where it leads."""

    def __fspath__(self) -> str:
        return f"file{Path('count').read_text()}"


def open_for_a_name() -> None:
    assert not os.path.exists(Named())


UNSEEN: dict[Callable[[], None], str] = {
    map_memory: "a file was mapped into memory by code that the lab does not see",
    map_shared_memory: "a file was mapped into memory by code that the lab does not see",
    bind_socket: "a socket was bound by code that the lab does not see",
    call_c_code: "getpid was called by code that the lab does not see",
    open_by_c_code: "count was opened by code that the lab does not see",
    open_inside_a_statement: "count was opened by code that the lab does not see",
    open_for_a_row: "count was opened by code that the lab does not see",
    open_for_a_name: "count was opened by code that the lab does not see",
}


@pytest.mark.slow
@pytest.mark.parametrize("function", UNSEEN, ids=lambda function: str(function.__name__))
def test_what_passes_the_probes_by_is_no_proof(function: Callable[[], None]) -> None:
    def work() -> None:
        function()
        Path("seen").mkdir(exist_ok=True)

    found = explore_plain(PlainFunction(function=work, reset=reset), INLINE)
    assert found.verdict.valid is None
    assert UNSEEN[function] in found.verdict.reason


def test_memory_that_nobody_else_can_have_is_no_matter() -> None:
    def work() -> None:
        mmap.mmap(-1, 1).close()
        Path("seen").mkdir(exist_ok=True)

    assert explore_plain(PlainFunction(function=work), INLINE).verdict.valid


@pytest.mark.slow
def test_who_becomes_another_program_or_waits_out_of_sight_is_refused() -> None:
    def become() -> None:
        os.execv("/bin/true", ["true"])

    def wait() -> None:
        with open("count", "r+") as file:
            os.lockf(file.fileno(), os.F_LOCK, 1)

    with pytest.raises(UsageError, match=r"process 1 puts another program in its place"):
        explored(become)
    with pytest.raises(UsageError, match=r"process 1 waits for a lock by os.lockf"):
        explored(wait)


@pytest.mark.slow
def test_what_is_left_that_is_no_ordinary_file_is_compared_as_what_it_is() -> None:
    def make() -> None:
        if not os.path.exists("pipe"):
            os.mkfifo("pipe")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(f"socket.{os.urandom(2).hex()}")

    assert explore_plain(PlainFunction(function=make), INLINE).verdict.valid is not True


def test_what_was_not_seen_is_named_where_a_function_does_not_repeat_itself(tmp_path: Path) -> None:
    state = bytes(tmp_path / "state")
    library = ctypes.CDLL(None)

    def grow() -> int:
        file = library.open(state, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        library.write(file, b"x", 1)
        size: int = library.lseek(file, 0, os.SEEK_END)
        library.close(file)
        return size

    def fail_once() -> None:
        Path("log").touch()
        assert grow() not in (7, 8), "the first execution after each order was tried, and one was tried again"

    how = ExploreOptions(executor="processes")
    with pytest.raises(Nondeterminism, match=r"something beside the schedule decides \(what may be why: open was call"):
        explore_plain(PlainFunction(function=fail_once), how)
