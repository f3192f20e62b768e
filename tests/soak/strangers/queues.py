"""Queues of jobs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import litequeue
import persistqueue
from huey import FileHuey, SqliteHuey
from huey.exceptions import TaskLockedException
from queuelib import FifoDiskQueue

from tests.soak.strangers.kit import all_apart, use


def two_jobs(folder: Path) -> None:
    queue = persistqueue.SQLiteQueue("jobs", auto_commit=True)
    queue.put("a")
    queue.put("b")
    queue.close()


@use("persist-queue", right=False, reset=two_jobs, returned=all_apart)
def persist_queue_sqlite_in_processes() -> Any:
    """The queue is safe for threads; `get` reads and then deletes, under a lock of one process."""
    with closing(persistqueue.SQLiteQueue("jobs", auto_commit=True)) as queue:
        return queue.get(block=False)


def two_unsafe(folder: Path) -> None:
    queue = persistqueue.Queue("jobs")
    queue.put("a")
    queue.put("b")
    queue.task_done()


@use("persist-queue", right=False, reset=two_unsafe, returned=all_apart)
def persist_queue_file_in_processes() -> Any:
    """Its documentation says that the queue in files is for threads of one process."""
    queue = persistqueue.Queue("jobs")
    job = queue.get(block=False)
    queue.task_done()
    return job


def two_acked(folder: Path) -> None:
    queue = persistqueue.SQLiteAckQueue("jobs", auto_commit=True)
    queue.put("a")
    queue.put("b")
    queue.close()


@use("persist-queue", right=False, reset=two_acked, returned=all_apart)
def persist_queue_ack_in_processes() -> Any:
    with closing(persistqueue.SQLiteAckQueue("jobs", auto_commit=True)) as queue:
        job = queue.get(block=False)
        queue.ack(job)
        return job


def two_lite(folder: Path) -> None:
    queue = litequeue.LiteQueue("lite.db")
    queue.put("a")
    queue.put("b")
    queue.close()


@use("litequeue", right=True, reset=two_lite, returned=all_apart)
def litequeue_pop() -> Any:
    queue = litequeue.LiteQueue("lite.db")
    try:
        message = queue.pop()
        if message is None:
            return None
        queue.done(message.message_id)
        return message.data
    finally:
        queue.close()


@use("litequeue", right=False, reset=two_lite, returned=all_apart)
def litequeue_peek() -> Any:
    queue = litequeue.LiteQueue("lite.db")
    try:
        message = queue.peek()
        queue.done(message.message_id)
        return message.data
    finally:
        queue.close()


def _sqlite_huey() -> Any:
    return SqliteHuey("app", filename="huey.db", results=False)


def two_tasks(folder: Path) -> None:
    huey = _sqlite_huey()
    huey.storage.enqueue(b"a")
    huey.storage.enqueue(b"b")
    huey.storage.close()


@use("huey", right=True, reset=two_tasks, returned=all_apart)
def huey_sqlite_dequeue() -> Any:
    huey = _sqlite_huey()
    return huey.storage.dequeue()


def one_done(returned: list[Any]) -> bool:
    return len([each for each in returned if each is not None]) >= 1


@use("huey", right=True, reset=two_tasks, returned=one_done)
def huey_sqlite_lock() -> Any:
    huey = _sqlite_huey()
    try:
        with huey.lock_task("only"):
            return huey.storage.dequeue()
    except TaskLockedException:
        return None


def _file_huey() -> Any:
    return FileHuey("app", path="huey", results=False)


def two_files(folder: Path) -> None:
    huey = _file_huey()
    huey.storage.enqueue(b"a")
    huey.storage.enqueue(b"b")


@use("huey", right=True, reset=two_files, returned=all_apart)
def huey_file_dequeue() -> Any:
    return _file_huey().storage.dequeue()


@use("huey", right=False, reset=two_files, returned=all_apart)
def huey_file_asks_first() -> Any:
    storage = _file_huey().storage
    if storage.queue_size():
        return storage.enqueued_items()[0]
    return None


def two_in_file(folder: Path) -> None:
    queue = FifoDiskQueue("fifo")
    queue.push(b"a")
    queue.push(b"b")
    queue.close()


@use("queuelib", right=False, reset=two_in_file, returned=all_apart)
def queuelib_disk() -> Any:
    queue = FifoDiskQueue("fifo")
    try:
        return queue.pop()
    finally:
        queue.close()
