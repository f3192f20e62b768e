"""Blocking kernels about wait groups and conditions, most of them together with channels."""

from __future__ import annotations

from threading import Condition, Lock

from tests.suites.goker.language import Go
from tests.suites.program import DEADLOCK, ThreadsOfProgram, program, shared

SUITE = "GoKer"
GROUP, CONDITION = "deadlock: channel and wait group", "deadlock: channel and condition"


@program(SUITE, "cockroach#1055", GROUP, DEADLOCK)
def cockroach1055(fixed: bool) -> ThreadsOfProgram:
    """A stopper waits, with its lock held, for tasks; one that starts meanwhile waits for that lock."""
    go = Go()
    lock, group, draining, started = Lock(), go.wait_group(), shared(), go.channel(1)

    def stops() -> None:
        started.receive()
        lock.acquire()
        draining.value = 1
        if fixed:
            lock.release()
        group.wait()
        if not fixed:
            lock.release()

    def works() -> None:
        group.add()
        started.send()
        with lock:
            pass
        group.done()

    return go.threads(stops, works)


@program(SUITE, "cockroach#1462", GROUP, DEADLOCK)
def cockroach1462(fixed: bool) -> ThreadsOfProgram:
    """A stopper waits for a worker that waits to send an event, which nobody reads any more."""
    go = Go()
    group, events, stopped = go.wait_group(1), go.channel(), go.channel()

    def works() -> None:
        if fixed:
            events.try_send()
        else:
            events.send()
        group.done()

    def stops() -> None:
        stopped.close()
        group.wait()

    def reads() -> None:
        go.select(stopped, events)

    return go.threads(works, stops, reads)


@program(SUITE, "moby#25384", "deadlock: misused wait group", DEADLOCK)
def moby25384(fixed: bool) -> ThreadsOfProgram:
    """Plugins are started by one goroutine each, and the group is waited for inside the loop that starts them."""
    go = Go()
    group, starts = go.wait_group(), [go.channel(1) for _ in range(2)]

    def initialises() -> None:
        group.add(2)
        for start in starts:
            start.send()
            if not fixed:
                group.wait()
        if fixed:
            group.wait()

    def first() -> None:
        starts[0].receive()
        group.done()

    def second() -> None:
        starts[1].receive()
        group.done()

    return go.threads(initialises, first, second)


@program(SUITE, "kubernetes#11298", CONDITION, DEADLOCK)
def kubernetes11298(fixed: bool) -> ThreadsOfProgram:
    """A notifier's loop waits by a condition for its state; who is told of a new one signals before the loop waits."""
    told, state = Condition(), shared()

    def serves() -> None:
        if fixed:
            with told:
                while not state.value:
                    told.wait()
            return
        if not state.value:
            with told:
                told.wait()

    def changes() -> None:
        with told:
            state.value = 1
            told.notify_all()

    return ThreadsOfProgram([serves, changes])


@program(SUITE, "moby#27782", CONDITION, DEADLOCK)
def moby27782(fixed: bool) -> ThreadsOfProgram:
    """A watcher of files that is removed waits for its reader to tell so; the reader waits to hand on an event."""
    go = Go()
    removed, told, events, closed = shared(), Condition(), go.channel(), go.channel()

    def follows() -> None:
        if go.select(closed, events)[0] == 1:
            return
        if fixed:
            return
        with told:
            while not removed.value:
                told.wait()

    def reads() -> None:
        if fixed:
            events.try_send()
        else:
            events.send()
        with told:
            removed.value = 1
            told.notify_all()

    return go.threads(follows, reads, closed.close)
