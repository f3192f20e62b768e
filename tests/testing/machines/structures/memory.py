"""Structures in databases and in memory: each wrong one beside the right one."""

from __future__ import annotations

import asyncio
import multiprocessing
import queue
import sqlite3
import threading
from contextlib import closing
from typing import Any

from hypothesis import strategies as st

from ticketlab import ConcurrentMachine, rule
from ticketlab.testing.models import CounterModel, DictModel, JobQueueModel, QueueModel, SetModel

LETTERS = st.sampled_from("ab")


class InDatabase(ConcurrentMachine):
    """What is kept in a table of SQLite."""

    table = ""

    def setup(self) -> None:
        with closing(self.connect()) as database:
            database.executescript(self.table)

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect("data.db", isolation_level=None)


class JobTable(InDatabase):
    table = """
        create table job (name text primary key, owner int);
        insert into job values ('1', null);
    """

    @staticmethod
    def model() -> JobQueueModel:
        jobs = JobQueueModel()
        jobs.submit("1")
        return jobs

    @rule()
    def claim(self, who: int) -> str | None:
        with closing(self.connect()) as database:
            found = database.execute("update job set owner = ? where owner is null returning name", (who,)).fetchall()
        return found[0][0] if found else None


class JobRowClaimedTwice(JobTable):
    @rule()
    def claim(self, who: int) -> str | None:
        with closing(self.connect()) as database:
            found = database.execute("select name from job where owner is null").fetchall()
            if not found:
                return None
            database.execute("update job set owner = ? where name = ?", (who, found[0][0]))
        name: str = found[0][0]
        return name


class NameTable(InDatabase):
    table = "create table name (name text unique)"
    model = SetModel

    @rule(item=LETTERS)
    def add(self, item: str) -> bool:
        with closing(self.connect()) as database:
            return database.execute("insert or ignore into name values (?)", (item,)).rowcount == 1


class NameAddedTwice(NameTable):
    table = "create table name (name text)"

    @rule(item=LETTERS)
    def add(self, item: str) -> bool:
        with closing(self.connect()) as database:
            if database.execute("select 1 from name where name = ?", (item,)).fetchall():
                return False
            database.execute("insert into name values (?)", (item,))
        return True


class SharedValue(ConcurrentMachine):
    """A number in memory that processes share."""

    model = CounterModel
    number: Any

    def setup(self) -> None:
        self.number = multiprocessing.Value("i", 0)

    @rule()
    def increment(self) -> int:
        with self.number.get_lock():
            self.number.value += 1
            after: int = self.number.value
        return after


class SharedValueThatLoses(SharedValue):
    @rule()
    def increment(self) -> int:
        self.number.value += 1
        after: int = self.number.value
        return after


class ManagedCounter(ConcurrentMachine):
    """A number in a manager's dictionary, counted under a manager's lock."""

    model = CounterModel
    values: Any
    lock: Any

    def setup(self) -> None:
        manager = multiprocessing.Manager()
        self.values, self.lock = manager.dict(number=0), manager.Lock()

    @rule()
    def increment(self) -> int:
        with self.lock:
            self.values["number"] += 1
            after: int = self.values["number"]
        return after


class ManagedCounterThatLoses(ManagedCounter):
    @rule()
    def increment(self) -> int:
        self.values["number"] += 1
        after: int = self.values["number"]
        return after


class Transfers:
    """Two accounts; each move says that it was made."""

    def move(self, up: bool) -> bool:
        return True


class OrderedLocks(ConcurrentMachine):
    """Takes two locks in one order, whatever the direction."""

    model = Transfers
    executor = "threads"
    low: threading.Lock
    high: threading.Lock

    def setup(self) -> None:
        self.low, self.high = threading.Lock(), threading.Lock()

    @rule(up=st.booleans())
    def move(self, up: bool) -> bool:
        with self.low, self.high:
            return True


class LocksInBothOrders(OrderedLocks):
    @rule(up=st.booleans())
    def move(self, up: bool) -> bool:
        first, second = (self.low, self.high) if up else (self.high, self.low)
        with first, second:
            return True


class ThreadQueue(ConcurrentMachine):
    """A queue that threads take from without waiting."""

    executor = "threads"
    items: queue.Queue[str]

    @staticmethod
    def model() -> QueueModel:
        queue_of_one = QueueModel()
        queue_of_one.put("a")
        return queue_of_one

    def setup(self) -> None:
        self.items = queue.Queue()
        self.items.put("a")

    @rule()
    def try_get(self) -> str | None:
        try:
            return self.items.get_nowait()
        except queue.Empty:
            return None

    @rule(item=LETTERS)
    def put(self, item: str) -> None:
        self.items.put(item)


class QueueThatLooksFirst(ThreadQueue):
    """Looks whether there is something, and then waits for it."""

    @rule()
    def try_get(self) -> str | None:
        return None if self.items.empty() else self.items.get()


class TaskCounter(ConcurrentMachine):
    """A counter of tasks, kept somewhere that takes an await."""

    executor = "tasks"
    model = CounterModel
    lock: asyncio.Lock
    number: int

    def setup(self) -> None:
        self.lock, self.number = asyncio.Lock(), 0

    async def count(self) -> int:
        number = self.number
        await asyncio.sleep(0)
        self.number = number + 1
        return self.number

    @rule()
    async def increment(self) -> int:
        async with self.lock:
            return await self.count()


class TaskCounterThatLoses(TaskCounter):
    @rule()
    async def increment(self) -> int:
        return await self.count()


class TaskCache(ConcurrentMachine):
    """A cache of tasks that computes each value once."""

    executor = "tasks"
    model = DictModel
    lock: asyncio.Lock
    values: dict[str, str]

    def setup(self) -> None:
        self.lock, self.values = asyncio.Lock(), {}

    async def fill(self, key: str, value: str) -> str:
        if key not in self.values:
            await asyncio.sleep(0)
            self.values[key] = value
        return self.values[key]

    @rule(key=st.just("k"), value=LETTERS)
    async def put_if_absent(self, key: str, value: str) -> str:
        async with self.lock:
            return await self.fill(key, value)


class TaskCacheFilledTwice(TaskCache):
    @rule(key=st.just("k"), value=LETTERS)
    async def put_if_absent(self, key: str, value: str) -> str:
        return await self.fill(key, value)


PAIRS: list[tuple[type[ConcurrentMachine], type[ConcurrentMachine]]] = [
    (JobRowClaimedTwice, JobTable),
    (NameAddedTwice, NameTable),
    (SharedValueThatLoses, SharedValue),
    (ManagedCounterThatLoses, ManagedCounter),
    (LocksInBothOrders, OrderedLocks),
    (QueueThatLooksFirst, ThreadQueue),
    (TaskCounterThatLoses, TaskCounter),
    (TaskCacheFilledTwice, TaskCache),
]
