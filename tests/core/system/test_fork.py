"""A forked child is as good as a `multiprocessing.Process`: what that shares works here, and how it ends is told."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ticketlab.core.system.fork import ForkedProcess

FORK = multiprocessing.get_context("fork")


@contextmanager
def forked(target: Callable[..., object], *args: Any) -> Iterator[ForkedProcess]:
    child = ForkedProcess(target, *args)
    child.start()
    try:
        yield child
    finally:
        child.kill()
        child.join()


def _raise() -> None:
    raise SystemExit(1)


def _fail() -> None:
    raise ValueError("no such luck")


def _nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("target", "code"),
    [(_nothing, 0), (_raise, 1), (_fail, 1), (lambda: os.kill(os.getpid(), signal.SIGKILL), -signal.SIGKILL)],
    ids=["returns", "exits", "raises", "killed"],
)
def test_how_it_ends_is_told(target: Callable[[], None], code: int, capfd: pytest.CaptureFixture[str]) -> None:
    with forked(target) as child:
        assert select.select([child.sentinel], [], [])[0] == [child.sentinel]
        assert child.exitcode == code
    assert ("ValueError: no such luck" in capfd.readouterr().err) == (target is _fail)


def test_a_child_whose_status_was_lost_has_ended() -> None:
    with forked(_nothing) as child:
        assert child.pid is not None
        os.waitpid(child.pid, 0)  # as an interrupt leaves it that comes between this call and the use of its result
        assert child.exitcode == 255


def test_it_runs_until_it_is_killed() -> None:
    read, write = os.pipe()
    with forked(os.read, read, 1) as child:
        assert child.exitcode is None
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    os.close(read)
    os.close(write)


def test_one_that_was_never_started_has_nothing_to_end() -> None:
    child = ForkedProcess(_nothing)
    child.kill()
    child.join()
    assert (child.pid, child.exitcode) == (None, None)


def _share(lock: Any, numbers: Any, queue: Any, proxy: Any) -> None:
    with lock:
        numbers.value += 1
        proxy["sold"] += 1
    queue.put(os.getpid())


def test_locks_values_queues_and_proxies_work_in_it() -> None:
    lock, numbers, queue = FORK.Lock(), FORK.Value("i", 0), FORK.Queue()
    with FORK.Manager() as manager:
        proxy = manager.dict(sold=0)
        proxy["sold"] = 0  # the parent is connected, and the children must not use its connection
        children = [ForkedProcess(_share, lock, numbers, queue, proxy) for _ in range(8)]
        for child in children:
            child.start()
        pids = {queue.get() for _ in children}
        for child in children:
            child.join()
        assert pids == {child.pid for child in children}
        assert [child.exitcode for child in children] == [0] * 8
        assert (numbers.value, proxy["sold"]) == (8, 8)


def _have_a_child() -> None:
    assert multiprocessing.active_children() == []
    child = FORK.Process(target=_nothing)
    child.start()
    child.join()
    assert child.exitcode == 0


def test_its_own_children_are_its_own() -> None:
    sibling = FORK.Process(target=signal.pause, daemon=True)
    sibling.start()
    with forked(_have_a_child) as child:
        child.join()
        assert child.exitcode == 0
    sibling.kill()
    sibling.join()


def test_what_was_printed_is_printed_once() -> None:
    code = """
import sys
from ticketlab.core.system.fork import ForkedProcess
print("parent")
children = [ForkedProcess(print, "child") for _ in range(3)]
for each in children:
    each.start()
    each.join()
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["parent", "child", "child", "child"]
