"""Real deaths and real shortages: a process that is killed just before its n-th step, a disk that is full."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

from ticketlab.core.pacing import Blocked, Free, paced_by
from ticketlab.core.steps import Step

T = TypeVar("T")


class Dying(Free):
    """Counts steps, and kills its process just before one of them, counted from 0."""

    def __init__(self, before: int) -> None:
        self._left = before

    def at(self, step: Step) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        self.at(step)
        return wait()


def killed_before(step: int, act: Callable[[], object]) -> bool:
    """Act in a process of its own that is killed before a step; False where it came to its end before."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with paced_by(Dying(step)):
                act()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert status == 0, "the process failed by itself"
    return False


def each_death(act: Callable[[], object]) -> Iterator[int]:
    """Act again and again, each time killed one step later; yield the step after each death."""
    step = 0
    while killed_before(step, act):
        yield step
        step += 1


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Have the kernel refuse to let files grow beyond a size: a write is first cut short, then an error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
