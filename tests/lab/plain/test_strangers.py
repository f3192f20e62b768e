"""What other people's packages do, made anew as small as it goes: none of it may lead to a wrong verdict.

The packages themselves are used in `tests/soak/strangers`.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from weakref import WeakValueDictionary

import pytest

from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.lab.plain.times import without_times


def explored(function: Callable[..., object], executor: str = "processes", **settings: Any) -> PlainExploration:
    return explore_plain(PlainFunction(function=function, **settings), ExploreOptions(executor=executor))


def test_a_time_that_is_written_down_makes_a_harmless_crossing_no_anomaly() -> None:
    def lay_out(folder: Path) -> None:
        (folder / "settings").write_text("journal=wal")

    def visit(who: int) -> None:
        new = Path(f"settings.{who}")  # as a package sets up its database each time that it is opened
        new.write_text(Path("settings").read_text())
        new.replace("settings")
        while True:
            try:
                os.close(os.open("lock", os.O_CREAT | os.O_EXCL))
                break
            except FileExistsError:
                time.sleep(0.001)
        with open("visits", "a") as visits:
            visits.write(f"{time.time()}\n")
        os.unlink("lock")

    def all_noted(folder: Path, returned: list[object]) -> bool:
        return len((folder / "visits").read_text().splitlines()) == len(returned)

    found = explored(visit, reset=lay_out, invariant=all_noted).finding
    assert found is None, found.anomalies


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("at 1000000000.001, kept", "at {time}, kept"),
        ("1000000001000000000", "{time}"),
        ("2001-09-09T01:46:40.5+00:00", "2001-09-09T{time}+00:00"),
        ("1767225600.000001", "{time}"),
        ("2026-01-01 00:00:07,250 INFO sold", "2026-01-01 {time} INFO sold"),
        ("at 01:46:41", "at {time}"),
        ("a seat at 18:00:00", "a seat at 18:00:00"),
        ("2026-12-24 18:00:00", "2026-12-24 18:00:00"),
        ("1798131600", "1798131600"),
        ("999999999", "999999999"),
        ("12345678901", "12345678901"),
        ("0.1000000000001", "0.1000000000001"),
    ],
)
def test_times_are_taken_out_of_texts_and_other_numbers_are_not(text: str, plain: str) -> None:
    assert without_times(text) == plain
    assert without_times(text.encode()) == plain.encode()


def test_who_gives_up_a_lock_that_it_could_read_in_the_middle_is_not_blamed() -> None:
    """A lock file that says who holds it: who finds it taken reads it, perhaps before it has been written."""

    def lay_out(folder: Path) -> None:
        (folder / "count").write_text("0")

    def count() -> bool:
        try:
            file = os.open("lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            Path("lock").read_text()
            return False
        os.write(file, b"somebody")
        os.close(file)
        Path("count").write_text(str(int(Path("count").read_text()) + 1))
        return True

    def as_many_as_counted(folder: Path, returned: list[bool]) -> bool:
        return (folder / "count").read_text() == str(returned.count(True))

    found = explored(count, reset=lay_out, invariant=as_many_as_counted)
    assert found.finding is None, found.finding.anomalies
    assert found.valid


class Locks:
    """Locks by name, made when they are asked for, as packages keep them."""

    def __init__(self) -> None:
        self._kept: WeakValueDictionary[str, threading.Semaphore] = WeakValueDictionary()

    def named(self, name: str) -> threading.Semaphore:
        lock = self._kept.get(name)
        if lock is None:
            lock = self._kept[name] = threading.Semaphore()
        return lock


LOCKS: Final = Locks()


def test_threads_make_a_lock_by_name_before_their_first_step() -> None:
    def lay_out(folder: Path) -> None:
        (folder / "count").write_text("0")

    def count() -> None:
        with LOCKS.named("count"):
            Path("count").write_text(str(int(Path("count").read_text()) + 1))

    def counted(folder: Path) -> bool:
        return (folder / "count").read_text() == "2"

    begun = explored(count, "threads", reset=lay_out, invariant=counted)
    assert begun.finding is None
    assert begun.verdict.reason.startswith("what threads do before their first step was tried in one order only")


def test_threads_that_begin_together_are_convicted_of_what_is_wrong() -> None:
    def lay_out(folder: Path) -> None:
        (folder / "count").write_text("0")

    def count() -> None:
        with LOCKS.named("count"):
            found = int(Path("count").read_text())
        Path("count").write_text(str(found + 1))

    assert explored(count, "threads", reset=lay_out).finding is not None


def test_a_thread_may_begin_after_another_has_ended() -> None:
    sold = list[int]()

    def lay_out(folder: Path) -> None:
        sold.clear()

    def sell(who: int) -> int:
        left = 1 - len(sold)
        Path("log").touch()
        sold.append(who)
        return left

    found = explored(sell, "threads", reset=lay_out, returned=lambda returned: returned == [1, 1])
    assert found.finding is not None
    assert "returned [1, 0]" in str(found.finding.anomalies)


def test_threads_that_keep_what_reset_does_not_put_back_are_told_so() -> None:
    kept = list[str]()

    def remember() -> None:
        if not kept:
            kept.append(Path("name").read_text())
        Path("last").write_text(kept[0])

    def lay_out(folder: Path) -> None:
        (folder / "name").write_text("ann")

    with pytest.raises(Nondeterminism, match=r"; reset has to put back what threads share$"):
        explored(remember, "threads", reset=lay_out)


def zero(folder: Path) -> None:
    (folder / "count").write_text("0")


def both_counted(folder: Path) -> bool:
    return (folder / "count").read_text() == "2"


def add() -> None:
    Path("count").write_text(str(int(Path("count").read_text()) + 1))


def test_reset_and_conditions_see_the_participants_time_and_draw_the_same_each_time() -> None:
    def lay_out(folder: Path) -> None:
        (folder / f"{uuid.uuid4()}.count").write_text("0")
        lease = {"until": time.time() + 60, "at": datetime.now(UTC).timestamp(), "ns": time.time_ns()}
        (folder / "lease").write_text(json.dumps(lease))

    def count(who: int) -> None:
        lease = json.loads(Path("lease").read_text())
        assert 59 < lease["until"] - time.time() < 61
        assert 0 < time.time() - lease["at"] < 1
        assert 0 < time.time() - lease["ns"] / 1e9 < 1
        (file,) = Path().glob("*.count")
        time.sleep(5)
        Path(f"done.{who}").write_text(file.read_text())

    def not_yet_over(folder: Path) -> bool:
        lease = json.loads((folder / "lease").read_text())
        return bool(45 < lease["until"] - time.time() <= 55)  # one may have slept after the other

    found = explored(count, reset=lay_out, invariant=not_yet_over)
    assert found.finding is None, found.finding.anomalies


def test_draws_and_readings_in_reset_differ_from_each_other() -> None:
    def lay_out(folder: Path) -> None:
        assert uuid.uuid4() != uuid.uuid4()
        assert time.time() < time.time()
        zero(folder)

    assert explored(add, reset=lay_out).finding is not None


GUARD: Final = threading.Lock()


class Guarded:
    def __init__(self, lock: threading.Lock) -> None:
        self.lock = lock


GUARDED: Final = Guarded(GUARD)


def test_a_lock_that_two_variables_hold_is_one_lock() -> None:
    def count(who: int) -> None:
        with GUARD if who == 1 else GUARDED.lock:
            add()

    assert explored(count, "threads", reset=zero, invariant=both_counted).valid


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return a module of an installed package, with objects that have locks inside, and functions that make such."""
    home = tmp_path / "site-packages"
    home.mkdir()
    (home / "strange_package.py").write_text(
        "import os, threading\n"
        "class Files:\n"
        "    _open, _move, _exists = staticmethod(open), staticmethod(os.replace), staticmethod(os.path.exists)\n"
        "    def save(self, name, text):\n"
        "        with self._open(name + '.new', 'w') as file:\n"
        "            file.write(text)\n"
        "        if self._exists(name + '.new'):\n"
        "            self._move(name + '.new', name)\n"
        "class Breaker:\n"
        "    def __init__(self):\n"
        "        self._lock = threading.RLock()\n"
        "    def call(self, work):\n"
        "        with self._lock:\n"
        "            return work()\n"
        "_breakers = {}\n"
        "def named(name):\n"
        "    return _breakers.setdefault(name, Breaker())\n"
        "_guard = threading.Lock()\n"
        "class _Registry:\n"
        "    _made = threading.RLock()\n"
        "    def __init__(self):\n"
        "        self._inside = threading.Lock()\n"
        "_registry = _Registry()\n"
        "def guarded(work):\n"
        "    with _Registry._made, _registry._inside, _guard:\n"
        "        return work()\n"
        "def forget():\n"
        "    _breakers.clear()\n"
    )
    monkeypatch.syspath_prepend(str(home))
    yield importlib.import_module("strange_package")
    sys.modules.pop("strange_package")


def test_the_lock_of_a_packages_object_is_seen(package: ModuleType) -> None:
    breaker = package.Breaker()

    def count() -> None:
        breaker.call(add)

    found = explored(count, "threads", reset=zero, invariant=both_counted)
    assert found.valid
    assert "breaker._lock" in {each.resource for each in found.seen}


def test_a_lock_that_a_package_makes_for_a_name_is_seen(package: ModuleType) -> None:
    def lay_out(folder: Path) -> None:
        package.forget()
        zero(folder)

    def count() -> None:
        package.named("count").call(add)

    found = explored(count, "threads", reset=lay_out, invariant=both_counted)
    assert found.finding is None
    assert "lock made by 1" in {each.resource for each in found.seen}


def test_locks_that_a_package_keeps_in_its_modules_are_seen(package: ModuleType) -> None:
    def count() -> None:
        package.guarded(add)

    found = explored(count, "threads", reset=zero, invariant=both_counted)
    assert found.valid
    names = {f"strange_package.{name}" for name in ("_Registry._made", "_registry._inside", "_guard")}
    assert names <= {each.resource for each in found.seen}
    assert not package._guard.locked()


def test_a_packages_class_may_hold_calls_of_pythons(package: ModuleType, tmp_path: Path) -> None:
    def save(who: int) -> None:
        package.Files().save(f"page{who}", "text")
        Path("count").write_text("1")

    found = explored(save)
    assert not found.unseen
    package.Files().save(f"{tmp_path}/page", "the originals are back")
    assert (tmp_path / "page").read_text() == "the originals are back"


def test_a_file_without_a_name_is_nobody_elses() -> None:
    def work(who: int) -> None:
        file = os.open(".", os.O_TMPFILE | os.O_RDWR)
        os.write(file, b"kept")
        os.close(file)
        Path("count").write_text("1")

    assert not explored(work).unseen


def test_an_empty_file_that_is_emptied_is_seen() -> None:
    def lay_out(folder: Path) -> None:
        zero(folder)
        (folder / "lock").touch()

    def count() -> None:
        with open("lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            add()

    assert explored(count, reset=lay_out, invariant=both_counted).valid


def test_who_writes_by_itself_to_a_file_whose_size_was_asked_for_is_still_named() -> None:
    libc = ctypes.CDLL(None)

    def lay_out(folder: Path) -> None:
        (folder / "log").touch()

    def write() -> None:
        assert Path("log").stat().st_size >= 0
        file = libc.open(b"log", os.O_WRONLY)
        libc.write(file, b"x", 1)
        libc.close(file)

    assert explored(write, reset=lay_out).unseen["log"] == "written"


class Lazy:
    """A proxy that fails if it is asked what it is, as a web framework's are outside of a request."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("working outside of a request")


REQUEST: Final = Lazy()


def test_a_proxy_that_the_function_could_come_to_is_not_asked() -> None:
    def count() -> None:
        assert REQUEST is not None
        add()

    assert explored(count, reset=zero).finding is not None
