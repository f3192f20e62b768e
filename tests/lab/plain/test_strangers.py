"""What other people's packages do, made anew as small as it goes: none of it may lead to a wrong verdict.

The packages themselves are used in `tests/soak/strangers`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
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

    assert explored(count, "threads", reset=lay_out, invariant=counted).valid


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
