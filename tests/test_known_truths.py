"""What everybody who shares state in Python comes to learn, pinned: by real processes, files and databases.

What is left behind by a process that was killed is found by the lab, which kills at every step; what a library does is
asked of the library. None of these waits for a time: each is true from a moment on that can be told.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.managers import DictProxy, SyncManager
from pathlib import Path
from typing import Any, cast

import pytest
from filelock import FileLock, SoftFileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, text

from tests.strategies.purchases import explored_with_faults

pytestmark = pytest.mark.usefixtures("in_tmp_path")

CONTEXT = multiprocessing.get_context("fork")


@pytest.fixture
def manager() -> Iterator[SyncManager]:
    with SyncManager(ctx=CONTEXT) as started:
        yield started


def elsewhere(act: Callable[[], object]) -> None:
    """Act in a process of its own, to its end."""
    process = CONTEXT.Process(target=act)
    process.start()
    process.join()
    assert process.exitcode == 0


def killed_after(act: Callable[[], object]) -> None:
    """Act in a process of its own, which is then killed."""

    def act_and_die() -> None:
        act()
        os.kill(os.getpid(), signal.SIGKILL)

    process = CONTEXT.Process(target=act_and_die)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


# Found by the lab: every buyer killed at every step.


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("store", "strategy", "names"),
    [
        ("json:in-place", "lock", {"lock never released"}),
        ("manager", "manager-lock", {"lock never released"}),
        ("json:truncate", "flock", {"corrupted file", "torn read"}),
        ("json:in-place", "flock", set()),
        ("json:in-place", "filelock:hard", set()),
        ("sqlite", "transaction:immediate", set()),
        ("sqlite", "atomic", set()),
    ],
)
def test_what_a_killed_buyer_leaves_behind(store: str, strategy: str, names: set[str]) -> None:
    assert explored_with_faults(store, strategy, "kill", tickets=1).names.keys() == names


# Locks of `multiprocessing`.


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Semaphore"])
def test_a_lock_of_a_killed_process_is_never_released(kind: str) -> None:
    lock = getattr(CONTEXT, kind)()
    killed_after(lock.acquire)
    assert not lock.acquire(block=False)


def test_the_lock_of_a_value_is_never_released_either() -> None:
    value = CONTEXT.Value("i", 1)
    killed_after(value.get_lock().acquire)
    assert not value.get_lock().acquire(block=False)


def test_a_lock_in_a_manager_is_never_released_either(manager: SyncManager) -> None:
    lock = manager.Lock()
    killed_after(lock.acquire)
    assert not lock.acquire(False)


def test_a_lock_can_be_released_by_anyone() -> None:
    lock = CONTEXT.Lock()
    lock.acquire()
    elsewhere(lock.release)
    assert lock.acquire(block=False)  # though nobody who held it has given it back


def test_an_exception_between_acquire_and_release_locks_for_ever() -> None:
    lock = CONTEXT.Lock()

    def careless() -> None:
        lock.acquire()
        int("no number")
        lock.release()

    with pytest.raises(ValueError, match="no number"):
        careless()
    assert not lock.acquire(block=False)


# Locks on files.


def free(path: Path, lock: Callable[[int, int], object]) -> bool:
    """Whether another process could lock the file now."""

    def attempt() -> None:
        with path.open("r+") as file:
            try:
                lock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os._exit(1)

    process = CONTEXT.Process(target=attempt)
    process.start()
    process.join()
    return process.exitcode == 0


@pytest.mark.parametrize("lock", [fcntl.flock, fcntl.lockf])
def test_a_file_lock_of_a_killed_process_is_free_at_once(lock: Callable[[int, int], object], tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    killed_after(lambda: lock(os.open(path, os.O_RDWR), fcntl.LOCK_EX))
    assert free(path, lock)


def test_closing_another_descriptor_of_the_file_drops_a_posix_lock_and_keeps_a_flock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    for lock, dropped in ((fcntl.lockf, True), (fcntl.flock, False)):
        with path.open("r+") as file:
            lock(file.fileno(), fcntl.LOCK_EX)
            assert not free(path, lock)
            path.read_text()
            assert free(path, lock) is dropped


# filelock.


def marked(path: Path, *lines: object) -> SoftFileLock:
    """Return a soft lock whose file somebody else made, with these lines."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return SoftFileLock(path, timeout=0)


def test_a_soft_lock_is_broken_only_when_its_holder_is_proved_dead(tmp_path: Path) -> None:
    path = tmp_path / "soft"
    with SoftFileLock(path):
        number, host, start = path.read_text().splitlines()
    gone = CONTEXT.Process(target=int)
    gone.start()
    gone.join()
    for dead in ((gone.pid, host), (number, host, int(start) - 1)):  # of that number there is none, or another one
        with marked(path, *dead):
            assert path.exists()
    for holder in ((number, host, start), (number, host), (gone.pid, "elsewhere"), ()):
        with pytest.raises(Timeout):
            marked(path, *holder).acquire()


def test_a_lock_that_is_held_does_not_cross_a_fork(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")

    def take_again() -> None:
        with pytest.raises((RuntimeError, Timeout)):
            lock.acquire(blocking=False)

    with lock:
        elsewhere(take_again)
        assert lock.is_locked


def test_a_second_lock_object_of_the_same_thread_is_told_that_it_would_wait_for_itself(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(RuntimeError, match="eadlock"):
        FileLock(tmp_path / "lock").acquire()


# Managers and values.


def test_a_decrement_in_a_managers_dict_is_two_messages(manager: SyncManager) -> None:
    numbers: Any = manager.dict(count=2)
    sent: list[str] = []

    class Watched(DictProxy):  # type: ignore[type-arg]
        def _callmethod(self, methodname: str, args: Any = (), kwds: Any = None) -> Any:
            sent.append(methodname)
            if methodname == "__setitem__":
                elsewhere(lambda: numbers.update(count=numbers["count"] - 1))
            return super()._callmethod(methodname, args, kwds or {})

    watched = Watched(numbers._token, "pickle", manager=manager, authkey=CONTEXT.current_process().authkey)
    watched["count"] -= 1
    assert sent == ["__getitem__", "__setitem__"]
    assert numbers["count"] == 1  # of two decrements, one is lost


def test_a_change_inside_a_value_of_a_managers_dict_is_dropped(manager: SyncManager) -> None:
    sections: Any = manager.dict(floor={"count": 2})
    sections["floor"]["count"] -= 1
    assert sections["floor"]["count"] == 2
    sections["floor"] = {"count": 1}
    assert sections["floor"]["count"] == 1


def test_a_killed_server_breaks_every_proxy(manager: SyncManager) -> None:
    numbers, process = manager.dict(), manager._process  # type: ignore[attr-defined]
    process.kill()
    process.join()
    with pytest.raises((EOFError, ConnectionError)):
        numbers["count"] = 1


class Meddled:
    """A value's lock; while it is free for the second time, somebody else decrements the value."""

    def __init__(self) -> None:
        self._lock = CONTEXT.RLock()
        self.taken = 0
        self.meddle: Callable[[], object] = lambda: None

    def acquire(self) -> bool:
        self.taken += 1
        if self.taken == 2:
            self.meddle()
        return self._lock.acquire()

    def release(self) -> None:
        self._lock.release()

    __enter__ = acquire

    def __exit__(self, *_: object) -> None:
        self.release()


def test_a_decrement_of_a_value_takes_its_lock_twice() -> None:
    lock = Meddled()
    value: Any = CONTEXT.Value("i", 2, lock=cast("Any", lock))

    def decrement() -> None:
        value.get_obj().value -= 1

    lock.meddle = lambda: elsewhere(decrement)
    value.value -= 1
    assert (lock.taken, value.get_obj().value) == (2, 1)  # of two decrements, one is lost


# Queues.


def test_a_buyer_that_is_killed_in_get_keeps_the_readers_lock() -> None:
    queue: Any = CONTEXT.Queue()
    reader = CONTEXT.Process(target=queue.get)
    reader.start()
    while queue._rlock.acquire(block=False):
        queue._rlock.release()
        time.sleep(0)
    reader.kill()
    reader.join()
    assert not queue._rlock.acquire(block=False)


def test_a_queue_may_be_empty_right_after_put() -> None:
    queue: Any = CONTEXT.Queue()
    with queue._wlock:  # so that the helper thread, which does the writing, has not come to it yet
        queue.put(1)
        assert queue.empty()
    assert queue.get() == 1
    queue.close()
    queue.join_thread()


def test_a_process_does_not_end_before_its_large_message_is_taken() -> None:
    queue: Any = CONTEXT.Queue()
    done = CONTEXT.Event()

    def produce() -> None:
        queue.put(b"x" * 200_000)
        done.set()

    producer = CONTEXT.Process(target=produce)
    producer.start()
    done.wait()
    assert producer.is_alive()  # and join() here would never return
    assert len(queue.get()) == 200_000
    producer.join()
    assert producer.exitcode == 0


# SQLite, and SQLAlchemy on it.


@contextmanager
def stock(path: Path, mode: str = "delete") -> Iterator[sqlite3.Connection]:
    """Make a database with one ticket left."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("CREATE TABLE stock (remaining)")
    connection.execute("INSERT INTO stock VALUES (1)")
    try:
        yield connection
    finally:
        connection.close()


def sold_by_two(engine: Engine) -> int:
    """Have two read, and then both who saw a ticket write; return how many did."""
    sold = 0
    with ExitStack() as stack:
        both = [stack.enter_context(engine.connect()) for _ in range(2)]
        seen = [_read(connection) for connection in both]
        for connection, remaining in zip(both, seen, strict=True):
            if remaining:
                connection.execute(text("UPDATE stock SET remaining = :left"), {"left": remaining - 1})
                connection.commit()
                sold += 1
    return sold


def _read(connection: Connection) -> int:
    return int(connection.execute(text("SELECT remaining FROM stock")).scalar_one())


@pytest.mark.parametrize(
    "options",
    [{}, {"isolation_level": "SERIALIZABLE"}, {"connect_args": {"isolation_level": "IMMEDIATE"}}],
    ids=["default", "serializable", "driver's immediate"],
)
def test_sqlalchemy_on_sqlite_sells_one_ticket_twice(options: dict[str, Any], tmp_path: Path) -> None:
    with stock(tmp_path / "stock.db"):
        engine = create_engine(f"sqlite:///{tmp_path / 'stock.db'}", **options)
        assert sold_by_two(engine) == 2
        engine.dispose()


def test_with_begin_immediate_issued_by_hand_the_second_one_is_refused(tmp_path: Path) -> None:
    with stock(tmp_path / "stock.db"):
        engine = create_engine(f"sqlite:///{tmp_path / 'stock.db'}", connect_args={"timeout": 0})

        @event.listens_for(engine, "connect")
        def _connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        with pytest.raises(Exception, match="database is locked"):
            sold_by_two(engine)
        engine.dispose()


def test_a_copy_of_the_database_without_its_wal_is_stale(tmp_path: Path) -> None:
    with stock(tmp_path / "stock.db", "wal") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("UPDATE stock SET remaining = 0")
        shutil.copy(tmp_path / "stock.db", tmp_path / "copy.db")
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT remaining FROM stock").fetchone() == (1,)
    copy.close()


def test_a_fork_inside_begin_immediate_lets_both_sides_commit(tmp_path: Path) -> None:
    path = tmp_path / "stock.db"
    with stock(path, "wal") as connection:
        connection.execute("UPDATE stock SET remaining = 2")
        connection.execute("BEGIN IMMEDIATE")
        (remaining,) = connection.execute("SELECT remaining FROM stock").fetchone()

        def sell() -> None:
            connection.execute("UPDATE stock SET remaining = ?", (remaining - 1,))
            connection.execute("COMMIT")

        elsewhere(sell)
        sell()
        assert connection.execute("SELECT remaining FROM stock").fetchone() == (1,)  # and two were sold
