"""Non-blocking kernels: data races, an order violation, and misused channels, wait groups and closures.

Where Go's own detector of data races is what fails in the original, a wrong result that the race leads to is asserted.
"""

from __future__ import annotations

from threading import Lock

from tests.suites.goker.language import Go
from tests.suites.program import BROKEN, RAISED, WRONG, ThreadsOfProgram, only_if, program, shared

SUITE = "GoKer"
RACE, CHANNEL, CLOSURE = "data race", "misused channel: closed twice or too early", "data race: a variable in a closure"


def _closed_twice(fixed: bool) -> ThreadsOfProgram:
    go = Go()
    lock, closing, channel = Lock(), shared(), go.channel()

    def closes() -> None:
        with only_if(fixed, lock):
            if not closing.value:
                closing.value = 1
                channel.close()

    return go.threads(closes, closes)


@program(SUITE, "etcd#3077", CHANNEL, RAISED)
def etcd3077(fixed: bool) -> ThreadsOfProgram:
    """A node that is stopped closes a channel in the goroutine that started it and in the one that stops it."""
    return _closed_twice(fixed)


@program(SUITE, "grpc#1687", CHANNEL, RAISED)
def grpc1687(fixed: bool) -> ThreadsOfProgram:
    """A handler's transport is written to while it is being closed: a send on the channel of its writes."""
    return _sent_after_close(fixed)


@program(SUITE, "grpc#2371", CHANNEL, RAISED)
def grpc2371(fixed: bool) -> ThreadsOfProgram:
    """A balancer's connection hands on a new state after the channel of states was closed."""
    return _sent_after_close(fixed)


@program(SUITE, "istio#8967", CHANNEL, RAISED)
def istio8967(fixed: bool) -> ThreadsOfProgram:
    """A source of files is stopped, and its channel set to nothing, while its goroutine still uses it."""
    return _closed_twice(fixed)


@program(SUITE, "serving#3068", CHANNEL, RAISED)
def serving3068(fixed: bool) -> ThreadsOfProgram:
    """A test's channel is closed at its end, and a late callback sends to it."""
    return _sent_after_close(fixed)


@program(SUITE, "serving#5865", CHANNEL, RAISED)
def serving5865(fixed: bool) -> ThreadsOfProgram:
    """A throttler's watch of revisions is stopped twice at once, and each stop closes the channel."""
    return _closed_twice(fixed)


def _sent_after_close(fixed: bool) -> ThreadsOfProgram:
    go = Go()
    lock, closed, channel = Lock(), shared(), go.channel(1)

    def sends() -> None:
        with only_if(fixed, lock):
            if not closed.value:
                channel.send()

    def closes() -> None:
        with only_if(fixed, lock):
            closed.value = 1
            channel.close()

    return go.threads(sends, closes)


@program(SUITE, "cockroach#4407", "misused wait group", WRONG)
def cockroach4407(fixed: bool) -> ThreadsOfProgram:
    """A worker joins a stopper's group after the stopper has looked whether anybody is in it."""
    return _joined_too_late(fixed)


@program(SUITE, "kubernetes#13058", "misused wait group", WRONG)
def kubernetes13058(fixed: bool) -> ThreadsOfProgram:
    """A test's goroutine adds itself to the group in place of whoever starts it, and the wait may be over before."""
    return _joined_too_late(fixed)


def _joined_too_late(fixed: bool) -> ThreadsOfProgram:
    go = Go()
    group, begun, stopped, lock = go.wait_group(), shared(), shared(), Lock()

    def works() -> bool:
        with only_if(fixed, lock):
            if stopped.value:
                return True
            group.add()
        begun.value = 1
        right = fixed or not stopped.value
        group.done()
        return right

    def stops() -> None:
        if fixed:
            with lock:
                stopped.value = 1
            group.wait()
        else:
            group.wait()
            stopped.value = 1

    return go.threads(works, stops)


def _counted(fixed: bool, threads: int = 2) -> ThreadsOfProgram:
    lock, count = Lock(), shared()

    def counts() -> None:
        with only_if(fixed, lock):
            count.value += 1

    return ThreadsOfProgram([counts] * threads, lambda: bool(count.value == threads))


@program(SUITE, "etcd#4876", RACE, BROKEN)
def etcd4876(fixed: bool) -> ThreadsOfProgram:
    """A test's list of results is appended to by several goroutines without a lock."""
    return _counted(fixed)


@program(SUITE, "etcd#8194", RACE, BROKEN)
def etcd8194(fixed: bool) -> ThreadsOfProgram:
    """A lease's time to live is set while a variable that all leases use is changed by a test."""
    return _counted(fixed)


@program(SUITE, "istio#8214", RACE, BROKEN)
def istio8214(fixed: bool) -> ThreadsOfProgram:
    """A cache of rules counts its hits without a lock."""
    return _counted(fixed, 3)


@program(SUITE, "kubernetes#79631", RACE, BROKEN)
def kubernetes79631(fixed: bool) -> ThreadsOfProgram:
    """A heap of pods is updated by a goroutine while another one reads and writes it."""
    return _counted(fixed)


@program(SUITE, "grpc#1748", RACE, WRONG)
def grpc1748(fixed: bool) -> ThreadsOfProgram:
    """A connection's state is read while a reset sets it in two steps."""
    return _half_set(fixed)


@program(SUITE, "grpc#3090", RACE, WRONG)
def grpc3090(fixed: bool) -> ThreadsOfProgram:
    """A resolver's wrapper is used before whoever made it has set its fields."""
    return _half_set(fixed)


@program(SUITE, "kubernetes#81091", RACE, WRONG)
def kubernetes81091(fixed: bool) -> ThreadsOfProgram:
    """A fake filter's fields are read by workers of a scheduler while a test sets them."""
    return _half_set(fixed)


def _half_set(fixed: bool) -> ThreadsOfProgram:
    lock, first, second = Lock(), shared(), shared()

    def sets() -> None:
        with only_if(fixed, lock):
            first.value = 1
            second.value = 1

    def reads() -> bool:
        with only_if(fixed, lock):
            return bool(first.value == second.value)

    return ThreadsOfProgram([sets, reads])


@program(SUITE, "moby#18412", "order violation", WRONG)
def moby18412(fixed: bool) -> ThreadsOfProgram:
    """A command's output is looked at before the goroutine that copies it is known to have ended."""
    go = Go()
    copied, done = shared(), go.channel()

    def copies() -> None:
        if not fixed:
            done.close()
        copied.value = 1
        if fixed:
            done.close()

    def looks() -> bool:
        done.receive()
        return bool(copied.value)

    return go.threads(copies, looks)


def _seen_last(fixed: bool) -> ThreadsOfProgram:
    """A loop's variable is used by what it starts; a copy of it for each is the repair."""
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
    """Checks of a schema are run by goroutines that use the loop's variable, which is the last one by then."""
    return _seen_last(fixed)


@program(SUITE, "kubernetes#70892", CLOSURE, BROKEN)
def kubernetes70892(fixed: bool) -> ThreadsOfProgram:
    """Nodes are made in parallel by a closure that writes a variable of the function around it."""
    return _seen_last(fixed)


@program(SUITE, "moby#22941", CLOSURE, BROKEN)
def moby22941(fixed: bool) -> ThreadsOfProgram:
    """Requests of a table are sent by goroutines that share the loop's variable."""
    return _seen_last(fixed)
