"""Blocking kernels about locks in opposite order, for reading twice around a writer, and conditions nobody tells."""

from __future__ import annotations

from threading import Condition, Lock

from tests.suites.goker.language import Go
from tests.suites.program import DEADLOCK, ThreadsOfProgram, program, shared

SUITE = "GoKer"
ABBA, RWR = "deadlock: AB-BA", "deadlock: a writer between two readings"


@program(SUITE, "cockroach#10214", ABBA, DEADLOCK)
def cockroach10214(fixed: bool) -> ThreadsOfProgram:
    """Heartbeats are sent under their own lock and take the raft lock; a tick takes both the other way."""
    coalesced, raft, due = Lock(), Lock(), shared(1)

    def sends() -> None:
        with coalesced:
            due.value = 0
            if not fixed:
                with raft:
                    pass
        if fixed:
            with raft:
                pass

    def ticks() -> None:
        with raft, coalesced:
            due.value = 1

    return ThreadsOfProgram([sends, ticks])


@program(SUITE, "cockroach#7504", ABBA, DEADLOCK)
def cockroach7504(fixed: bool) -> ThreadsOfProgram:
    """A release takes the lease and then the table of names; a look-up by name takes the table and then the lease."""
    lease, names, count = Lock(), Lock(), shared()

    def releases() -> None:
        with lease:
            count.value -= 1
            with names:
                pass

    def acquires_by_name() -> None:
        first, second = (lease, names) if fixed else (names, lease)
        with first, second:
            count.value += 1

    return ThreadsOfProgram([releases, acquires_by_name])


@program(SUITE, "hugo#3251", ABBA, DEADLOCK)
def hugo3251(fixed: bool) -> ThreadsOfProgram:
    """Who locks an address holds the table of locks while it waits for one; who gives one back needs the table."""
    go = Go()
    table, address = go.read_write_lock(), Lock()

    def fetches() -> None:
        table.lock()
        if fixed:
            table.unlock()
        address.acquire()
        if not fixed:
            table.unlock()
        table.read_lock()
        address.release()
        table.read_unlock()

    return go.threads(fetches, fetches)


@program(SUITE, "kubernetes#13135", ABBA, DEADLOCK)
def kubernetes13135(fixed: bool) -> ThreadsOfProgram:
    """A cache that starts again takes its own lock and the watch's; an event takes the watch's and then the cache's."""
    cache, watch, events = Lock(), Lock(), shared()

    def starts() -> None:
        with cache, watch:
            events.value = 0

    def adds() -> None:
        first, second = (cache, watch) if fixed else (watch, cache)
        with first, second:
            events.value += 1

    return ThreadsOfProgram([starts, adds, adds])


@program(SUITE, "kubernetes#30872", ABBA, DEADLOCK)
def kubernetes30872(fixed: bool) -> ThreadsOfProgram:
    """An informer pops under the queue's lock and takes its own; whoever stops it holds that and needs the queue's."""
    queue, informer, clusters, items = Lock(), Lock(), shared(), shared(1)

    def pops() -> None:
        with queue:
            items.value -= 1
            if not fixed:
                with informer:
                    clusters.value += 1
        if fixed:
            with informer:
                clusters.value += 1

    def stops() -> None:
        with informer, queue:
            items.value = 0

    return ThreadsOfProgram([pops, stops])


@program(SUITE, "moby#4951", ABBA, DEADLOCK)
def moby4951(fixed: bool) -> ThreadsOfProgram:
    """To delete a device takes its lock and the set's; to clean up takes the set's and then each device's."""
    devices, device, count = Lock(), Lock(), shared(1)

    def deletes() -> None:
        first, second = (devices, device) if fixed else (device, devices)
        with first, second:
            count.value = 0

    def cleans_up() -> None:
        with devices, device:
            count.value = 0

    return ThreadsOfProgram([deletes, cleans_up])


@program(SUITE, "cockroach#3710", RWR, DEADLOCK)
def cockroach3710(fixed: bool) -> ThreadsOfProgram:
    """A scan of the raft log holds a lock for reading and asks for a status, which takes it for reading again."""
    return _reads_twice(fixed)


@program(SUITE, "cockroach#6181", RWR, DEADLOCK)
def cockroach6181(fixed: bool) -> ThreadsOfProgram:
    """Look-ups in a cache of ranges read it, print it, which reads it as well, and then change it: two of them."""
    go = Go()
    lock = go.read_write_lock()

    def looks_up() -> None:
        lock.read_lock()
        if not fixed:
            lock.read_lock()
            lock.read_unlock()
        lock.read_unlock()
        lock.lock()
        lock.unlock()

    return go.threads(looks_up, looks_up)


@program(SUITE, "cockroach#16167", RWR, DEADLOCK)
def cockroach16167(fixed: bool) -> ThreadsOfProgram:
    """A prepared statement reads the configuration and, with the lock, reads it once more; an update comes between."""
    return _reads_twice(fixed)


@program(SUITE, "kubernetes#58107", RWR, DEADLOCK)
def kubernetes58107(fixed: bool) -> ThreadsOfProgram:
    """Two workers of a quota controller hold a lock for reading while they wait for work; a sync needs it alone.

    Work for the second queue is put there only after the sync.
    """
    go = Go()
    lock, first, second = go.read_write_lock(), go.channel(1), go.channel(1)

    def works_first() -> None:
        if not fixed:
            lock.read_lock()
        first.receive()
        if not fixed:
            lock.read_unlock()

    def works_second() -> None:
        if not fixed:
            lock.read_lock()
        second.receive()
        if not fixed:
            lock.read_unlock()

    def syncs() -> None:
        first.send()
        lock.lock()
        lock.unlock()
        second.send()

    return go.threads(works_first, works_second, syncs)


@program(SUITE, "kubernetes#62464", RWR, DEADLOCK)
def kubernetes62464(fixed: bool) -> ThreadsOfProgram:
    """The state of a CPU manager is read under the lock by a function that reads a part of it under the lock."""
    return _reads_twice(fixed)


def _reads_twice(fixed: bool) -> ThreadsOfProgram:
    go = Go()
    lock, state = go.read_write_lock(), shared()

    def reads() -> None:
        lock.read_lock()
        if not fixed:
            lock.read_lock()
        _ = state.value
        if not fixed:
            lock.read_unlock()
        lock.read_unlock()

    def writes() -> None:
        lock.lock()
        state.value += 1
        lock.unlock()

    return go.threads(reads, writes)


@program(SUITE, "moby#29733", "deadlock: a condition nobody tells", DEADLOCK)
def moby29733(fixed: bool) -> ThreadsOfProgram:
    """Who asks for a plugin's address waits for its activation, and one that fails tells nobody."""
    return _not_told(fixed)


@program(SUITE, "moby#30408", "deadlock: a condition nobody tells", DEADLOCK)
def moby30408(fixed: bool) -> ThreadsOfProgram:
    """Who waits for a plugin's manifest is not told when its activation comes to an error."""
    return _not_told(fixed)


def _not_told(fixed: bool) -> ThreadsOfProgram:
    told, over = Condition(), shared()

    def waits() -> None:
        with told:
            while not over.value:
                told.wait()

    def activates() -> None:
        with told:
            over.value = 1
            if fixed:
                told.notify_all()

    return ThreadsOfProgram([waits, activates])
