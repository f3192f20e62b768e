"""Non-blocking kernels: data races, order violations, and misused channels, wait groups and closures.

Where Go's own detector of data races is what fails in the original, a wrong result that the race leads to is asserted.
A panic of Go's counts as a failed assertion: in some orders of the threads one after another it comes as well, and what
comes in such an order is no anomaly for the lab unless the program says so.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from tests.suites.goker.language import Go, GoPanic
from tests.suites.program import BROKEN, WRONG, ThreadsOfProgram, only_if, program, shared

SUITE = "GoKer"
RACE, CHANNEL, CLOSURE = "data race", "misused channel", "data race: a variable in a closure"


def _went_well(call: Callable[[], object]) -> bool:
    try:
        call()
    except GoPanic:
        return False
    return True


@program(SUITE, "grpc#1687", CHANNEL, WRONG)
def grpc1687(fixed: bool) -> ThreadsOfProgram:
    """A handler writes a status, which closes the channel of writes, and then writes once more."""
    go = Go()
    writes, over = go.channel(), go.channel()

    def handles() -> bool:
        writes.send()
        if fixed:
            over.close()
            return True
        writes.close()
        return _went_well(writes.send)

    def runs() -> None:
        go.select(writes, over)

    return go.threads(handles, runs)


@program(SUITE, "serving#3068", CHANNEL, WRONG)
def serving3068(fixed: bool) -> ThreadsOfProgram:
    """A pool's wait closes its channel of work, to which somebody still sends."""
    go = Go()
    work, lock, over = go.channel(5), Lock(), shared()

    def goes() -> bool:
        well = True
        for _ in range(2):
            with only_if(fixed, lock):
                if not (fixed and over.value):
                    well = well and _went_well(work.send)
        return well

    def waits() -> None:
        with only_if(fixed, lock):
            over.value = 1
            work.close()

    def works() -> None:
        work.receive()

    return go.threads(goes, waits, works)


@program(SUITE, "serving#5865", CHANNEL, WRONG)
def serving5865(fixed: bool) -> ThreadsOfProgram:
    """A watcher of revisions closes its channel when it ends, while whoever updates it sends its destinations."""
    go = Go()
    destinations, done = go.channel(1), go.channel()

    def runs() -> None:
        (done if fixed else destinations).close()

    def updates() -> bool:
        return _went_well(destinations.send)

    return go.threads(updates, runs)


@program(SUITE, "istio#8967", CHANNEL, WRONG)
def istio8967(fixed: bool) -> ThreadsOfProgram:
    """A source that is stopped closes its channel and forgets it, and its goroutine then listens to none."""
    go = Go()
    done, known = go.channel(), shared(1)

    def listens() -> bool:
        there = bool(known.value)
        if there:
            done.receive()
        return there

    def stops() -> None:
        done.close()
        if not fixed:
            known.value = 0

    return go.threads(listens, stops)


@program(SUITE, "grpc#2371", CHANNEL, WRONG)
def grpc2371(fixed: bool) -> ThreadsOfProgram:
    """A resolver hands an update to a connection's balancer, which is gone once the connection was closed."""
    lock, balancer = Lock(), shared(1)

    def watches() -> bool:
        with lock:
            return fixed or bool(balancer.value)

    def closes() -> None:
        with lock:
            balancer.value = 0

    return ThreadsOfProgram([watches, closes])


def _used_before_made(fixed: bool) -> ThreadsOfProgram:
    go = Go()
    made, ready = shared(), go.channel()

    def makes() -> None:
        made.value = 1
        ready.close()

    def uses() -> bool:
        if fixed:
            ready.receive()
        return bool(made.value)

    return go.threads(makes, uses)


@program(SUITE, "etcd#3077", CHANNEL, WRONG)
def etcd3077(fixed: bool) -> ThreadsOfProgram:
    """A node's goroutine makes the channels by which the server stops it, and may come to that too late."""
    return _used_before_made(fixed)


@program(SUITE, "grpc#3090", RACE, WRONG)
def grpc3090(fixed: bool) -> ThreadsOfProgram:
    """A resolver that is being built starts a goroutine that uses it before it is noted where that looks for it."""
    return _used_before_made(fixed)


@program(SUITE, "etcd#4876", RACE, WRONG)
def etcd4876(fixed: bool) -> ThreadsOfProgram:
    """A test sets the interval of progress reports while a stream that it started reads it."""
    return _used_before_made(fixed)


@program(SUITE, "grpc#1748", RACE, WRONG)
def grpc1748(fixed: bool) -> ThreadsOfProgram:
    """A test sets the least time for a connection while an attempt that it started reads it."""
    return _used_before_made(fixed)


@program(SUITE, "etcd#8194", RACE, WRONG)
def etcd8194(fixed: bool) -> ThreadsOfProgram:
    """A loop compares with the rate of revocations and cuts by it, two reads; a test lowers it, and sets it back."""
    lock, rate = Lock(), shared(1000)

    def runs() -> bool:
        with only_if(fixed, lock):
            more = rate.value < 500
            return not more or rate.value < 500

    def tests() -> None:
        with only_if(fixed, lock):
            rate.value = 10
            rate.value = 1000

    return ThreadsOfProgram([runs, tests])


@program(SUITE, "kubernetes#79631", RACE, WRONG)
def kubernetes79631(fixed: bool) -> ThreadsOfProgram:
    """A heap is popped under a lock and read without: the key is gone before the size is."""
    lock, present, size = Lock(), shared(1), shared(1)

    def pops() -> None:
        with lock:
            present.value = 0
            size.value = 0

    def gets() -> bool:
        with only_if(fixed, lock):
            return bool(present.value == size.value)

    return ThreadsOfProgram([pops, gets])


@program(SUITE, "kubernetes#81091", RACE, BROKEN)
def kubernetes81091(fixed: bool) -> ThreadsOfProgram:
    """A fake filter counts its calls, and two workers of a scheduler call it."""
    lock, count = Lock(), shared()

    def filters() -> None:
        with only_if(fixed, lock):
            count.value += 1

    return ThreadsOfProgram([filters, filters], lambda: bool(count.value == 2))


@program(SUITE, "cockroach#4407", "misused wait group", WRONG)
def cockroach4407(fixed: bool) -> ThreadsOfProgram:
    """A gossip has a worker join a stopper's group when the stopper has waited for it already."""
    go = Go()
    group, stopped, lock = go.wait_group(), shared(), Lock()

    def gossips() -> bool:
        with only_if(fixed, lock):
            if stopped.value:
                return True
            group.add()
        well = fixed or not stopped.value
        group.done()
        return well

    def stops() -> None:
        if fixed:
            with lock:
                stopped.value = 1
        group.wait()
        if not fixed:
            stopped.value = 1

    return go.threads(gossips, stops)


@program(SUITE, "kubernetes#13058", "misused wait group", WRONG)
def kubernetes13058(fixed: bool) -> ThreadsOfProgram:
    """A controller's loop takes one off a test's group each time, until it is stopped, and may do so too often."""
    go = Go()
    group, stopped = go.wait_group(1), shared()

    def loops() -> bool:
        well = True
        for _ in range(1 if fixed else 2):
            if not stopped.value:
                well = well and _went_well(group.done)
        return well

    def tests() -> None:
        group.wait()
        stopped.value = 1

    return go.threads(loops, tests)


@program(SUITE, "moby#18412", "order violation", WRONG)
def moby18412(fixed: bool) -> ThreadsOfProgram:
    """A command that took too long is killed, and its output read while the command may still write it."""
    go = Go()
    first, second, done, time_out = shared(), shared(), go.channel(1), go.channel()

    def commands() -> None:
        first.value = 1
        second.value = 1
        done.send()

    def runs() -> bool:
        if go.select(time_out, done)[0] == 0 and fixed:
            done.receive()
        return bool(first.value == second.value)

    return go.threads(commands, runs, time_out.close)


def _seen_last(fixed: bool) -> ThreadsOfProgram:
    """Goroutines that a loop starts use the loop's variable; a copy of it for each is the repair."""
    go = Go()
    variable, starts, used = shared(), [go.channel(1) for _ in range(2)], [shared(), shared()]

    def loops() -> None:
        for number, start in enumerate(starts):
            variable.value = number
            start.send(number)

    def first() -> None:
        number = starts[0].receive()
        used[number if fixed else variable.value].value += 1

    def second() -> None:
        number = starts[1].receive()
        used[number if fixed else variable.value].value += 1

    made = go.threads(loops, first, second)
    return ThreadsOfProgram(made.bodies, lambda: bool(used[0].value == 1 and used[1].value == 1), made.reset)


@program(SUITE, "cockroach#35501", CLOSURE, BROKEN)
def cockroach35501(fixed: bool) -> ThreadsOfProgram:
    """A table's checks are validated by goroutines that use the loop's variable, which is the last one by then."""
    return _seen_last(fixed)


@program(SUITE, "moby#22941", CLOSURE, BROKEN)
def moby22941(fixed: bool) -> ThreadsOfProgram:
    """Requests of a table are written by goroutines that share the loop's variable."""
    return _seen_last(fixed)
