"""Blocking kernels about channels: an end that nobody serves any more."""

from __future__ import annotations

from tests.suites.goker.language import Go
from tests.suites.program import DEADLOCK, ThreadsOfProgram, program, shared

SUITE = "GoKer"
CHANNEL, CONTEXT = "deadlock: channel", "deadlock: channel and context"


@program(SUITE, "grpc#660", CHANNEL, DEADLOCK)
def grpc660(fixed: bool) -> ThreadsOfProgram:
    """A benchmark's clients each send that they are done; whoever started them leaves when its time is over."""
    return _left_alone(fixed)


@program(SUITE, "grpc#1424", CHANNEL, DEADLOCK)
def grpc1424(fixed: bool) -> ThreadsOfProgram:
    """A connection's attempts send their results; the function that waits for them returns at the first address."""
    return _left_alone(fixed)


@program(SUITE, "moby#4395", CHANNEL, DEADLOCK)
def moby4395(fixed: bool) -> ThreadsOfProgram:
    """A helper runs a function and sends its error to a channel that nobody has to read."""
    return _left_alone(fixed)


@program(SUITE, "kubernetes#5316", CHANNEL, DEADLOCK)
def kubernetes5316(fixed: bool) -> ThreadsOfProgram:
    """A request's work sends a result or an error; whoever waits may take the time-out in place of both."""
    return _left_alone(fixed)


def _left_alone(fixed: bool) -> ThreadsOfProgram:
    go = Go()
    result, time_out = go.channel(1 if fixed else 0), go.channel(1)

    def works() -> None:
        result.send("done")

    def waits() -> None:
        go.select(result, time_out)

    def runs_out() -> None:
        time_out.send()

    return go.threads(works, waits, runs_out)


@program(SUITE, "cockroach#10790", CONTEXT, DEADLOCK)
def cockroach10790(fixed: bool) -> ThreadsOfProgram:
    """Commands are begun and awaited, one channel each; a context that ends lets the waiter leave the rest alone."""
    go = Go()
    channels, done = [go.channel(1 if fixed else 0) for _ in range(2)], go.channel()

    def sends() -> None:
        for channel in channels:
            channel.send()

    def awaits() -> None:
        for channel in channels:
            if go.select(channel, done)[0] == 1:
                return

    def cancels() -> None:
        done.close()

    return go.threads(sends, awaits, cancels)


@program(SUITE, "cockroach#13197", CONTEXT, DEADLOCK)
def cockroach13197(fixed: bool) -> ThreadsOfProgram:
    """A transaction that is begun has somebody wait for its context, and nobody ends that."""
    return _never_cancelled(fixed)


@program(SUITE, "cockroach#13755", CONTEXT, DEADLOCK)
def cockroach13755(fixed: bool) -> ThreadsOfProgram:
    """Rows of a query have somebody wait for their context, which ends if they are closed; they are not."""
    return _never_cancelled(fixed)


@program(SUITE, "grpc#862", CONTEXT, DEADLOCK)
def grpc862(fixed: bool) -> ThreadsOfProgram:
    """A dial that fails does not close the connection whose goroutines wait for its context."""
    return _never_cancelled(fixed)


@program(SUITE, "kubernetes#38669", CHANNEL, DEADLOCK)
def kubernetes38669(fixed: bool) -> ThreadsOfProgram:
    """A watcher sends its first events to a channel without room, before it looks whether it was stopped."""
    go = Go()
    results, stop = go.channel(2 if fixed else 0), go.channel()

    def processes() -> None:
        for _ in range(2):
            results.send()
        stop.receive()

    return go.threads(processes, stop.close)


@program(SUITE, "kubernetes#70277", CHANNEL, DEADLOCK)
def kubernetes70277(fixed: bool) -> ThreadsOfProgram:
    """A poller's goroutine quits when it is told that the wait is over; a wait that succeeds returns without."""
    return _never_cancelled(fixed)


def _never_cancelled(fixed: bool) -> ThreadsOfProgram:
    go = Go()
    done = go.channel()

    def waits() -> None:
        done.receive()

    def uses() -> None:
        if fixed:
            done.close()

    return go.threads(waits, uses)


@program(SUITE, "cockroach#18101", CHANNEL, DEADLOCK)
def cockroach18101(fixed: bool) -> ThreadsOfProgram:
    """A context's end stops who takes work from a channel, and not who puts it there."""
    go = Go()
    work, done = go.channel(2 if fixed else 0), go.channel()

    def sends() -> None:
        for _ in range(2):
            work.send()

    def takes() -> None:
        for _ in range(2):
            if go.select(done, work)[0] == 0:
                return

    return go.threads(sends, takes, done.close)


@program(SUITE, "cockroach#24808", CHANNEL, DEADLOCK)
def cockroach24808(fixed: bool) -> ThreadsOfProgram:
    """A compactor that starts puts something into its channel of one place, where a suggestion may be already."""
    go = Go()
    suggestions = go.channel(1)

    def suggests() -> None:
        suggestions.try_send()

    def starts() -> None:
        if fixed:
            suggestions.try_send()
        else:
            suggestions.send()
        suggestions.receive()

    return go.threads(suggests, starts)


@program(SUITE, "cockroach#25456", CHANNEL, DEADLOCK)
def cockroach25456(fixed: bool) -> ThreadsOfProgram:
    """A check that failed asks whether the store is stopping, by a receive that waits, and nobody stops it."""
    go = Go()
    quiesce, errors, failed = go.channel(), go.channel(1), shared()

    def checks() -> None:
        if failed.value:
            go.select(quiesce, *([errors] if fixed else []))

    def fails() -> None:
        errors.send()
        failed.value = 1

    return go.threads(checks, fails)


@program(SUITE, "cockroach#35073", CHANNEL, DEADLOCK)
def cockroach35073(fixed: bool) -> ThreadsOfProgram:
    """An outbox that fails at its start does not drain its channel, and whoever fills that waits for room."""
    go = Go()
    rows, failed = go.channel(1), shared()

    def fills() -> None:
        for _ in range(2):
            rows.send()

    def starts() -> None:
        if failed.value and not fixed:
            return
        for _ in range(2):
            rows.receive()

    def fails() -> None:
        failed.value = 1

    return go.threads(fills, starts, fails)


@program(SUITE, "etcd#6857", CHANNEL, DEADLOCK)
def etcd6857(fixed: bool) -> ThreadsOfProgram:
    """A node is asked for its status by a channel, which its loop serves until it is stopped."""
    go = Go()
    status, stop, done = go.channel(1), go.channel(), go.channel()
    answer = go.channel(1)

    def runs() -> None:
        while go.select(status, stop)[0] == 0:
            answer.send()
        done.close()

    def asks() -> None:
        status.send()
        if fixed:
            go.select(answer, done)
        else:
            answer.receive()

    def stops() -> None:
        stop.send()
        done.receive()

    return go.threads(runs, asks, stops)


@program(SUITE, "grpc#1275", CHANNEL, DEADLOCK)
def grpc1275(fixed: bool) -> ThreadsOfProgram:
    """A stream is closed while somebody reads it: the reader is not told, and who closed it waits for the reader."""
    go = Go()
    messages, finished = go.channel(), go.channel()

    def reads() -> None:
        messages.receive()
        finished.close()

    def closes() -> None:
        if fixed:
            messages.close()
        finished.receive()

    return go.threads(reads, closes)


@program(SUITE, "istio#17860", CHANNEL, DEADLOCK)
def istio17860(fixed: bool) -> ThreadsOfProgram:
    """Two epochs of an agent send their status; whoever takes it stops at the context's end."""
    go = Go()
    status, done = go.channel(2 if fixed else 0), go.channel()

    def waits() -> None:
        status.send()

    def runs() -> None:
        for _ in range(2):
            if go.select(done, status)[0] == 0:
                return

    return go.threads(waits, waits, runs, done.close)


@program(SUITE, "kubernetes#25331", CONTEXT, DEADLOCK)
def kubernetes25331(fixed: bool) -> ThreadsOfProgram:
    """A watch that meets an error sends it as a result, though whoever stopped the watch reads no results."""
    go = Go()
    results, errors = go.channel(), go.channel(1)

    def runs() -> None:
        errors.receive()
        if fixed:
            results.try_send()
        else:
            results.send()

    def stops() -> None:
        errors.send()

    return go.threads(runs, stops)


@program(SUITE, "moby#21233", CHANNEL, DEADLOCK)
def moby21233(fixed: bool) -> ThreadsOfProgram:
    """A test counts updates of a progress, of which some may be dropped, and gives up on a count; the sender waits."""
    go = Go()
    updates, over = go.channel(), go.channel()

    def writes() -> None:
        for _ in range(2):
            updates.try_send()
        if fixed:
            updates.close()
        over.close()

    def counts() -> None:
        for _ in range(2):
            updates.receive()

    return go.threads(writes, counts)


@program(SUITE, "moby#33293", CHANNEL, DEADLOCK)
def moby33293(fixed: bool) -> ThreadsOfProgram:
    """A wait for a container sends its error to a channel without room before the channel is returned."""
    go = Go()
    errors, returned = go.channel(1 if fixed else 0), go.channel(1)

    def waits() -> None:
        errors.send()
        returned.send()

    def uses() -> None:
        returned.receive()
        errors.receive()

    return go.threads(waits, uses)


@program(SUITE, "moby#33781", CONTEXT, DEADLOCK)
def moby33781(fixed: bool) -> ThreadsOfProgram:
    """A probe of a container's health sends its result, which nobody takes any more once the monitor was stopped."""
    go = Go()
    results, stop = go.channel(1 if fixed else 0), go.channel()

    return go.threads(results.send, lambda: go.select(stop, results), stop.close)


@program(SUITE, "syncthing#5795", CHANNEL, DEADLOCK)
def syncthing5795(fixed: bool) -> ThreadsOfProgram:
    """A connection's dispatcher closes it on a bad message, and the close waits for the dispatcher's end."""
    go = Go()
    bad, stopped = go.channel(1), go.channel()

    def dispatches() -> None:
        bad.receive()
        if not fixed:
            stopped.receive()
        stopped.close()

    return go.threads(dispatches, bad.send, stopped.receive)
