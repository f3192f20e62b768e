"""One core for all processes of an exploration: only one of them moves at a time, and so no turn changes cores."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_CORE: Final = 39 - 3
"""Where /proc/self/stat has the core, counted from its third field, which is the first one behind the name."""


@contextmanager
def on_one_core() -> Iterator[None]:
    """Bind this process, and all that it forks meanwhile, to one of its cores, as batch work.

    A batch process that wakes another goes on until it waits itself. Otherwise the other would interrupt it, and it
    would be woken once more only to wait: two switches for each turn in place of one.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before, usual = os.sched_getaffinity(0), os.sched_getscheduler(0) == os.SCHED_OTHER
    os.sched_setaffinity(0, {_chosen_by_the_kernel(before)})
    if usual:
        _schedule_as(os.SCHED_BATCH)
    try:
        yield
    finally:
        with suppress(OSError):  # the cores may have been taken away meanwhile
            os.sched_setaffinity(0, before)
        if usual:
            _schedule_as(os.SCHED_OTHER)


def _chosen_by_the_kernel(cores: set[int]) -> int:
    """Return the core that this thread is on: the kernel keeps what works away from cores that others are bound to."""
    with suppress(OSError):  # not every system tells
        behind_the_name = Path("/proc/thread-self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        if (core := int(behind_the_name[_CORE])) in cores:
            return core
    return random.choice(sorted(cores))


def _schedule_as(how: int) -> None:
    with suppress(OSError):  # some containers do not allow it, and nothing but speed depends on it
        os.sched_setscheduler(0, how, os.sched_param(0))
