"""Structures kept as what files hold: each wrong one beside the right one, which differs in what guards it."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ticketlab import ConcurrentMachine, rule
from ticketlab.testing.models import (
    CounterModel,
    DictModel,
    LogModel,
    SetModel,
    StackModel,
)

LETTERS = st.sampled_from("ab")


@contextmanager
def locked() -> Iterator[None]:
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def unlocked() -> Iterator[None]:
    yield


class InFile(ConcurrentMachine):
    """What is kept in one file, read and written as a whole; `guard` is held meanwhile."""

    executor = "inline"
    start: Any = 0
    guard = staticmethod(locked)

    def setup(self) -> None:
        Path("data").touch()
        self.write(self.start)

    def read_all(self) -> Any:
        return json.loads(Path("data").read_text())

    def write(self, value: Any) -> None:
        with open("data", "r+") as file:
            file.write(json.dumps(value).ljust(80))  # of one size, so that it is written at once


class Counter(InFile):
    model = CounterModel

    @rule()
    def increment(self) -> int:
        with self.guard():
            number: int = self.read_all() + 1
            self.write(number)
        return number

    @rule()
    def read(self) -> int:
        with self.guard():
            number: int = self.read_all()
        return number


class CounterThatLoses(Counter):
    guard = staticmethod(unlocked)


class CounterThatSkips(Counter):
    """Counts under the lock, and looks without it at what came of that."""

    @rule()
    def increment(self) -> int:
        with locked():
            self.write(self.read_all() + 1)
        number: int = self.read_all()
        return number


class CounterCheckedBeforeTheLock(Counter):
    @rule()
    def increment(self) -> int:
        number: int = self.read_all() + 1
        with locked():
            self.write(number)
        return number


class ItemSet(InFile):
    model = SetModel
    start = ()

    @rule(item=LETTERS)
    def add(self, item: str) -> bool:
        with self.guard():
            items = self.read_all()
            if item in items:
                return False
            self.write([*items, item])
            return True

    @rule(item=LETTERS)
    def contains(self, item: str) -> bool:
        return item in self.read_all()


class LostUpdateSet(ItemSet):
    guard = staticmethod(unlocked)


class Stack(InFile):
    model = StackModel
    start = ()

    @rule(item=LETTERS)
    def push(self, item: str) -> None:
        with self.guard():
            self.write([*self.read_all(), item])

    @rule()
    def pop(self) -> str | None:
        with self.guard():
            items = self.read_all()
            if not items:
                return None
            self.write(items[:-1])
            top: str = items[-1]
        return top


class StackThatPopsTwice(Stack):
    guard = staticmethod(unlocked)


class Log(InFile):
    model = LogModel
    start = ()

    @rule(entry=LETTERS)
    def append(self, entry: str) -> int:
        with self.guard():
            entries = self.read_all()
            self.write([*entries, entry])
        return len(entries)

    @rule()
    def length(self) -> int:
        return len(self.read_all())


class LogThatOverwrites(Log):
    guard = staticmethod(unlocked)


class Versioned:
    """A text with a version: who has looked may save, unless somebody has put another text since."""

    def __init__(self) -> None:
        self.version = 0
        self.seen: dict[int, int] = {}

    def look(self, who: int) -> None:
        self.seen[who] = self.version

    def put(self, text: str) -> None:
        self.version += 1

    def save(self, who: int) -> bool:
        if self.seen.get(who) != self.version:
            return False
        self.version += 1
        return True


class OptimisticText(InFile):
    """Compares versions; each `put` makes a new one."""

    model = Versioned
    start = (0, "a")
    guard = staticmethod(locked)

    def same(self, one: Any, other: Any) -> bool:
        return bool(one == other)

    @rule()
    def look(self, who: int) -> None:
        Path(f"seen.{who}").write_text(json.dumps(self.read_all()))

    @rule(text=LETTERS)
    def put(self, text: str) -> None:
        with locked():
            self.write([self.read_all()[0] + 1, text])

    @rule()
    def save(self, who: int) -> bool:
        if not Path(f"seen.{who}").exists():
            return False
        seen = json.loads(Path(f"seen.{who}").read_text())
        with locked():
            now = self.read_all()
            if not self.same(now, seen):
                return False
            self.write([now[0] + 1, "saved"])
        return True


class TextWithAba(OptimisticText):
    """Compares texts: "a", "b", "a" looks as if nobody had written."""

    def same(self, one: Any, other: Any) -> bool:
        return bool(one[1] == other[1])


class Cache(InFile):
    """Values in a file, and a cache beside it that writes go through, under one lock."""

    model = DictModel
    start = ("old",)
    guard = staticmethod(locked)

    @rule(key=st.just("k"), value=LETTERS)
    def put(self, key: str, value: str) -> Any:
        with locked():
            before = self.read_all()
            self.write([value])
            Path("cached").unlink(missing_ok=True)
        return None if before == ["old"] else before[0]

    @rule(key=st.just("k"))
    def get(self, key: str, who: int) -> Any:
        with self.guard():
            try:
                return json.loads(Path("cached").read_text())
            except FileNotFoundError:
                found = self.read_all()
            value = None if found == ["old"] else found[0]
            Path(f"cached.{who}").write_text(json.dumps(value))
            Path(f"cached.{who}").replace("cached")
        return value


class CacheWithStaleRead(Cache):
    """Fills the cache with what it has read before somebody wrote."""

    guard = staticmethod(unlocked)


class Purses:
    """Two purses; what they have together never changes."""

    def __init__(self) -> None:
        self.left, self.right = 2, 0

    def move(self) -> bool:
        if not self.left:
            return False
        self.left, self.right = self.left - 1, self.right + 1
        return True

    def total(self) -> int:
        return self.left + self.right


class PurseFiles(ConcurrentMachine):
    model = Purses
    guard = staticmethod(locked)

    def setup(self) -> None:
        Path("left").write_text("2")
        Path("right").write_text("0")

    @rule()
    def move(self) -> bool:
        with locked():
            left = int(Path("left").read_text())
            if not left:
                return False
            Path("left.new").write_text(str(left - 1))
            Path("left.new").replace("left")
            Path("right.new").write_text(str(int(Path("right").read_text()) + 1))
            Path("right.new").replace("right")
        return True

    @rule()
    def total(self) -> int:
        with self.guard():
            return int(Path("left").read_text()) + int(Path("right").read_text())


class PursesReadApart(PurseFiles):
    """Reads one purse, and then the other."""

    guard = staticmethod(unlocked)


PAIRS: list[tuple[type[ConcurrentMachine], type[ConcurrentMachine]]] = [
    (CounterThatLoses, Counter),
    (CounterThatSkips, Counter),
    (CounterCheckedBeforeTheLock, Counter),
    (LostUpdateSet, ItemSet),
    (StackThatPopsTwice, Stack),
    (LogThatOverwrites, Log),
    (TextWithAba, OptimisticText),
    (CacheWithStaleRead, Cache),
    (PursesReadApart, PurseFiles),
]
