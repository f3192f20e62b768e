"""The start barrier: nobody goes on before the last one is ready, and nobody waits for a lab that has died."""

from __future__ import annotations

import os
import signal
import time

import pytest

from ticketlab.core.errors import TicketlabError
from ticketlab.launch.barrier import StartBarrier


def waiter(barrier: StartBarrier, arrived: int) -> int:
    """Fork a process that waits at the barrier, then says so on a pipe; return its process id."""
    child = os.fork()
    if child == 0:
        try:
            barrier.wait()
            os.write(arrived, b"%d\n" % time.monotonic_ns())
        finally:
            os._exit(0)
    return child


def test_all_go_on_after_the_release_and_none_before() -> None:
    barrier = StartBarrier()
    read, write = os.pipe()
    children = [waiter(barrier, write) for _ in range(5)]
    os.close(write)
    barrier.await_all(5, 60.0, lambda: None)
    barrier.release()
    with os.fdopen(read, "rb") as told:
        times = [int(line) for line in told.read().splitlines()]
    for child in children:
        os.waitpid(child, 0)
    barrier.close()
    assert len(times) == 5
    assert min(times) >= barrier.released_ns > 0


def test_who_never_comes_is_an_error_that_counts_the_others() -> None:
    barrier = StartBarrier()
    read, write = os.pipe()
    child = waiter(barrier, write)
    barrier.await_all(1, 60.0, lambda: None)
    with pytest.raises(TicketlabError, match=r"only 0 of 1 were ready after 0\.1 s"):
        barrier.await_all(1, 0.1, lambda: None)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    barrier.close()
    os.close(read)
    os.close(write)


def test_a_check_that_raises_ends_the_wait() -> None:
    barrier = StartBarrier()

    def check() -> None:
        raise TicketlabError("a participant could not start")

    with pytest.raises(TicketlabError, match="could not start"):
        barrier.await_all(1, 60.0, check)
    barrier.close()


def test_a_waiter_whose_lab_has_died_ends_without_going_on() -> None:
    read, write = os.pipe()
    lab = os.fork()
    if lab == 0:
        os.close(read)
        barrier = StartBarrier()
        waiter(barrier, write)
        barrier.await_all(1, 60.0, lambda: None)
        os._exit(0)  # without a release
    os.close(write)
    with os.fdopen(read, "rb") as told:
        assert told.read() == b"", "the pipe ended, so the waiter has, and it said nothing"
    os.waitpid(lab, 0)
