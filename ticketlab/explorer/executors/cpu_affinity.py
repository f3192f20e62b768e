"""One core for all processes of an exploration: only one of them moves at a time, and so no turn changes cores."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress


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
    os.sched_setaffinity(0, {random.choice(sorted(before))})
    if usual:
        _schedule_as(os.SCHED_BATCH)
    try:
        yield
    finally:
        with suppress(OSError):  # the cores may have been taken away meanwhile
            os.sched_setaffinity(0, before)
        if usual:
            _schedule_as(os.SCHED_OTHER)


def _schedule_as(how: int) -> None:
    with suppress(OSError):  # some containers do not allow it, and nothing but speed depends on it
        os.sched_setscheduler(0, how, os.sched_param(0))
