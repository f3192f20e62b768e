"""Blocking kernels about a lock that is taken twice, or never given back."""

from __future__ import annotations

from threading import Lock

from tests.suites.goker.language import Go
from tests.suites.program import DEADLOCK, ThreadsOfProgram, program, shared

SUITE = "GoKer"
DOUBLE = "deadlock: double locking"


@program(SUITE, "cockroach#584", DOUBLE, DEADLOCK)
def cockroach584(fixed: bool) -> ThreadsOfProgram:
    """A loop leaves by `break` with the lock held, and the code after it takes it once more to clean up."""
    lock, closed = Lock(), shared()

    def gossips() -> None:
        for _ in range(2):
            lock.acquire()
            if closed.value:
                if fixed:
                    lock.release()
                break
            lock.release()
        with lock:
            pass

    def closes() -> None:
        with lock:
            closed.value = 1

    return ThreadsOfProgram([gossips, closes])


@program(SUITE, "cockroach#9935", DOUBLE, DEADLOCK)
def cockroach9935(fixed: bool) -> ThreadsOfProgram:
    """A logger that meets an error while it holds its lock calls what exits, which takes the lock."""
    return _fails_under_the_lock(fixed)


@program(SUITE, "etcd#5509", DOUBLE, DEADLOCK)
def etcd5509(fixed: bool) -> ThreadsOfProgram:
    """Who asks a client that is being closed leaves with the lock for reading; whoever closes waits for ever."""
    go = Go()
    lock, cancelled = go.read_write_lock(), shared()

    def acquires() -> None:
        lock.read_lock()
        if cancelled.value:
            if fixed:
                lock.read_unlock()
            return
        lock.read_unlock()

    def closes() -> None:
        cancelled.value = 1
        lock.lock()
        lock.unlock()

    return go.threads(acquires, closes)


@program(SUITE, "etcd#6708", DOUBLE, DEADLOCK)
def etcd6708(fixed: bool) -> ThreadsOfProgram:
    """A client syncs with its lock for writing, asks for the leader, and asks by a call that takes it for reading."""
    go = Go()
    lock = go.read_write_lock()

    def does() -> None:
        lock.read_lock()
        lock.read_unlock()

    def syncs() -> None:
        lock.lock()
        if not fixed:
            does()
        lock.unlock()
        if fixed:
            does()

    return go.threads(syncs, does)


@program(SUITE, "etcd#10492", DOUBLE, DEADLOCK)
def etcd10492(fixed: bool) -> ThreadsOfProgram:
    """A lease that is renewed holds the lock while it calls the function that makes a checkpoint, under the lock."""
    lock, has_checkpoints = Lock(), shared()

    def renews() -> None:
        with lock:
            due = bool(has_checkpoints.value)
            if due and not fixed:
                with lock:
                    pass
        if due and fixed:
            with lock:
                pass

    def sets() -> None:
        with lock:
            has_checkpoints.value = 1

    return ThreadsOfProgram([renews, sets])


@program(SUITE, "grpc#795", DOUBLE, DEADLOCK)
def grpc795(fixed: bool) -> ThreadsOfProgram:
    """A server's graceful stop keeps the lock, and a second one takes it again."""
    lock, drained = Lock(), shared()

    def stops_twice() -> None:
        for _ in range(2):
            lock.acquire()
            drained.value = 1
            if fixed:
                lock.release()

    def serves() -> None:
        with lock:
            pass

    return ThreadsOfProgram([serves, stops_twice])


@program(SUITE, "grpc#3017", DOUBLE, DEADLOCK)
def grpc3017(fixed: bool) -> ThreadsOfProgram:
    """The cache of subconnections: a removal whose time is up finds it cancelled and returns with the lock."""
    lock, cancelled = Lock(), shared()

    def times_out() -> None:
        lock.acquire()
        if cancelled.value:
            if fixed:
                lock.release()
            return
        lock.release()

    def creates() -> None:
        with lock:
            cancelled.value = 1
        with lock:
            pass

    return ThreadsOfProgram([times_out, creates])


@program(SUITE, "moby#17176", DOUBLE, DEADLOCK)
def moby17176(fixed: bool) -> ThreadsOfProgram:
    """Devices are cleaned up under the lock; where nothing is to be deleted, the way out forgets it."""
    lock, deleted = Lock(), shared()

    def cleans_up() -> None:
        lock.acquire()
        if not deleted.value:
            if fixed:
                lock.release()
            return
        lock.release()

    def deletes() -> None:
        with lock:
            deleted.value += 1

    return ThreadsOfProgram([cleans_up, deletes])


@program(SUITE, "moby#7559", DOUBLE, DEADLOCK)
def moby7559(fixed: bool) -> ThreadsOfProgram:
    """A proxy's loop that cannot dial goes on with the next packet, with the lock of its table of connections."""
    lock, packets, refused = Lock(), 2, shared()

    def runs() -> None:
        for _ in range(packets):
            lock.acquire()
            if refused.value:
                if fixed:
                    lock.release()
                continue
            lock.release()

    def refuses() -> None:
        refused.value = 1

    return ThreadsOfProgram([runs, refuses])


@program(SUITE, "moby#36114", DOUBLE, DEADLOCK)
def moby36114(fixed: bool) -> ThreadsOfProgram:
    """A service machine that fails to add disks removes them again, which takes the lock that it holds."""
    return _fails_under_the_lock(fixed)


def _fails_under_the_lock(fixed: bool) -> ThreadsOfProgram:
    """Whoever meets an error with the lock held calls what clears up, which takes the lock."""
    lock, failed = Lock(), shared()

    def clears_up() -> None:
        with lock:
            pass

    def works() -> None:
        with lock:
            wrong = bool(failed.value)
            if wrong and not fixed:
                clears_up()
        if wrong and fixed:
            clears_up()

    def fails() -> None:
        failed.value = 1

    return ThreadsOfProgram([works, fails])


@program(SUITE, "syncthing#4829", DOUBLE, DEADLOCK)
def syncthing4829(fixed: bool) -> ThreadsOfProgram:
    """A mapping that is cleared tells of the change with its lock for writing held; to tell takes it for reading."""
    go = Go()
    lock, mapped = go.read_write_lock(), shared()

    def tells() -> None:
        lock.read_lock()
        lock.read_unlock()

    def clears() -> None:
        lock.lock()
        had = mapped.value
        if had and not fixed:
            tells()
        lock.unlock()
        if had and fixed:
            tells()

    def maps() -> None:
        mapped.value = 1

    return go.threads(clears, maps)
