"""Blocking kernels about channels and locks together."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from tests.suites.goker.language import Go
from tests.suites.program import DEADLOCK, ThreadsOfProgram, program, shared

SUITE = "GoKer"
LOCK = "deadlock: channel and lock"


def _under_lock(fixed: bool, *, others: int = 0) -> ThreadsOfProgram:
    """One sends with the lock held; whoever would receive takes the lock first."""
    go = Go()
    lock, channel = Lock(), go.channel(2 if fixed else 0)

    def sends() -> None:
        with lock:
            channel.send()

    def receives() -> None:
        with lock:
            pass
        channel.receive()

    def looks() -> None:
        with lock:
            pass

    return go.threads(sends, receives, *[looks] * others)


@program(SUITE, "kubernetes#1321", LOCK, DEADLOCK)
def kubernetes1321(fixed: bool) -> ThreadsOfProgram:
    """A multiplexer hands an event to a watcher with its lock held; the watcher that stops takes the lock first."""
    return _under_lock(fixed)


@program(SUITE, "kubernetes#26980", LOCK, DEADLOCK)
def kubernetes26980(fixed: bool) -> ThreadsOfProgram:
    """A listener waits, with its lock held, to hand on a notification; whoever would end that takes the lock first."""
    return _under_lock(fixed, others=1)


@program(SUITE, "istio#16224", LOCK, DEADLOCK)
def istio16224(fixed: bool) -> ThreadsOfProgram:
    """A handler of events tells, under a lock, that it was called; its test takes the lock before it listens."""
    return _under_lock(fixed)


@program(SUITE, "moby#28462", LOCK, DEADLOCK)
def moby28462(fixed: bool) -> ThreadsOfProgram:
    """A container that changes its state tells its monitor to stop, with the lock that the monitor waits for."""
    return _under_lock(fixed)


@program(SUITE, "grpc#1353", LOCK, DEADLOCK)
def grpc1353(fixed: bool) -> ThreadsOfProgram:
    """A balancer sends an update of its addresses under its lock; whoever handles the one before needs that lock."""
    go = Go()
    lock, updates = Lock(), go.channel(2 if fixed else 0)

    def watches() -> None:
        for _ in range(2):
            with lock:
                updates.send()

    def handles() -> None:
        for _ in range(2):
            updates.receive()
            with lock:
                pass

    return go.threads(watches, handles)


@program(SUITE, "grpc#1460", LOCK, DEADLOCK)
def grpc1460(fixed: bool) -> ThreadsOfProgram:
    """A transport that sleeps holds its lock while it waits to be woken; a new stream wakes it under the lock."""
    go = Go()
    lock, awake = Lock(), go.channel(1)

    def keeps_alive() -> None:
        if fixed:
            with lock:
                pass
            awake.receive()
        else:
            with lock:
                awake.receive()

    def opens() -> None:
        with lock:
            awake.send()

    return go.threads(keeps_alive, opens)


@program(SUITE, "kubernetes#6632", LOCK, DEADLOCK)
def kubernetes6632(fixed: bool) -> ThreadsOfProgram:
    """An idle watch takes a reset from a full channel only after it got the lock; a frame is written under the lock."""
    go = Go()
    lock, resets = Lock(), go.channel(3 if fixed else 1)

    def writes() -> None:
        for _ in range(3):
            with lock:
                resets.send()

    def idles() -> None:
        resets.receive()
        with lock:
            pass
        resets.receive()
        resets.receive()

    return go.threads(writes, idles)


@program(SUITE, "kubernetes#10182", LOCK, DEADLOCK)
def kubernetes10182(fixed: bool) -> ThreadsOfProgram:
    """Pods' states are sent under the lock; the one that syncs them takes the lock after each that it received."""
    go = Go()
    lock, states = Lock(), go.channel(2 if fixed else 0)

    def syncs() -> None:
        for _ in range(2):
            states.receive()
            with lock:
                pass

    def sets() -> None:
        with lock:
            states.send()

    return go.threads(syncs, sets, sets)


@program(SUITE, "etcd#6873", LOCK, DEADLOCK)
def etcd6873(fixed: bool) -> ThreadsOfProgram:
    """Broadcasts are stopped under the lock and wait for the one that coalesces them, which needs the lock."""
    go = Go()
    lock, updates, done = Lock(), go.channel(), go.channel()

    def coalesces() -> None:
        while updates.receive() is not None:
            with lock:
                pass
        done.close()

    def updates_once() -> None:
        updates.send()
        with lock:
            updates.close()
            if not fixed:
                done.receive()
        if fixed:
            done.receive()

    return go.threads(coalesces, updates_once)


@program(SUITE, "etcd#7443", LOCK, DEADLOCK)
def etcd7443(fixed: bool) -> ThreadsOfProgram:
    """The one that reads a balancer's notices tells of an address that went down by a notice, under the lock."""
    go = Go()
    lock, notices, closed = Lock(), go.channel(), shared()

    def comes_up() -> None:
        with lock:
            if not closed.value:
                notices.send()

    def watches() -> None:
        if notices.receive() is None:
            return
        with lock:
            if closed.value:
                return
            if fixed:
                notices.try_send()
            else:
                notices.send()

    def closes() -> None:
        with lock:
            closed.value = 1
            notices.close()

    return go.threads(comes_up, watches, closes)


@program(SUITE, "etcd#7492", LOCK, DEADLOCK)
def etcd7492(fixed: bool) -> ThreadsOfProgram:
    """Tokens are added to a keeper by a channel, under the lock that the keeper takes to delete old ones."""
    go = Go()
    lock, added, ticks = Lock(), go.channel(3 if fixed else 0), go.channel(1)

    def keeps() -> None:
        left = 2
        while left:
            if go.select(ticks, added)[0] == 0:
                with lock:
                    pass
            else:
                left -= 1

    def assigns() -> None:
        with lock:
            added.send()

    return go.threads(keeps, assigns, assigns, ticks.send)


@program(SUITE, "etcd#7902", LOCK, DEADLOCK)
def etcd7902(fixed: bool) -> ThreadsOfProgram:
    """Followers wait, with the lock, until the leader closes a channel; the leader needs the lock to do so."""
    go = Go()
    lock, following = Lock(), go.channel()

    def follows() -> None:
        if not fixed:
            lock.acquire()
        following.receive()
        if not fixed:
            lock.release()

    def leads() -> None:
        with lock:
            following.close()

    return go.threads(leads, follows)


@program(SUITE, "serving#2137", LOCK, DEADLOCK)
def serving2137(fixed: bool) -> ThreadsOfProgram:
    """A breaker with one place: a request that has it waits for a test that waits for the other request's answer."""
    go = Go()
    active, first, second = go.channel(2 if fixed else 1), go.channel(), go.channel()
    answers = go.channel(2)

    def requests(own: object) -> Callable[[], None]:
        def runs() -> None:
            active.send()
            (first if own == 1 else second).receive()
            active.receive()
            answers.send()

        return runs

    def tests() -> None:
        first.close()
        answers.receive()
        second.close()
        answers.receive()

    return go.threads(requests(1), requests(2), tests)
