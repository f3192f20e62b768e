"""Locks and signals of threads."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import blinker
import wrapt
from fasteners import ReaderWriterLock
from pubsub import pub
from readerwriterlock import rwlock

from tests.soak.strangers.kit import add, counted, use, zero

FAIR = rwlock.RWLockFair()
READ_FIRST = rwlock.RWLockRead()
FASTENED = ReaderWriterLock()
PLAIN = threading.RLock()
SOLD = blinker.Signal()


@use("readerwriterlock", right=True, options="--threads 2", reset=zero, invariant=counted)
def rwlock_write() -> None:
    with FAIR.gen_wlock():
        add()


@use("readerwriterlock", right=False, options="--threads 2", reset=zero, invariant=counted)
def rwlock_read() -> None:
    with FAIR.gen_rlock():
        add()


@use("readerwriterlock", right=True, options="--threads 3", reset=zero)
def rwlock_reads_and_writes(who: int) -> None:
    if who == 1:
        with READ_FIRST.gen_wlock():
            add()
    else:
        with READ_FIRST.gen_rlock():
            assert Path("count").read_text()


@use("fasteners", right=True, options="--threads 2", reset=zero, invariant=counted)
def fasteners_write_lock() -> None:
    with FASTENED.write_lock():
        add()


@use("fasteners", right=False, options="--threads 2", reset=zero, invariant=counted)
def fasteners_thread_read_lock() -> None:
    with FASTENED.read_lock():
        add()


@use("wrapt", right=True, options="--threads 2", reset=zero, invariant=counted)
@wrapt.synchronized
def wrapt_function() -> None:
    add()


@use("wrapt", right=True, options="--threads 2", reset=zero, invariant=counted)
@wrapt.synchronized(PLAIN)
def wrapt_with_lock() -> None:
    add()


class _Counter:
    @wrapt.synchronized
    def count(self) -> None:
        add()


ONE = _Counter()


@use("wrapt", right=True, options="--threads 2", reset=zero, invariant=counted)
def wrapt_one_object() -> None:
    ONE.count()


@use("wrapt", right=False, options="--threads 2", reset=zero, invariant=counted)
def wrapt_two_objects() -> None:
    _Counter().count()


def _count(_sender: Any, **_given: Any) -> None:
    with PLAIN:
        add()


SOLD.connect(_count)


@use("blinker", right=True, options="--threads 2", reset=zero, invariant=counted)
def blinker_send() -> None:
    SOLD.send("shop")


def _count_unlocked(_sender: Any, **_given: Any) -> None:
    add()


LOST = blinker.Signal()
LOST.connect(_count_unlocked)


@use("blinker", right=False, options="--threads 2", reset=zero, invariant=counted)
def blinker_send_unlocked() -> None:
    LOST.send("shop")


def _count_topic() -> None:
    with PLAIN:
        add()


pub.subscribe(_count_topic, "sold")


@use("pypubsub", right=True, options="--threads 2", reset=zero, invariant=counted)
def pypubsub_send() -> None:
    pub.sendMessage("sold")
