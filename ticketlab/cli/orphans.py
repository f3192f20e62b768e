"""Processes that a buyer started: when the lab ends, they end too, though their own parents have not waited for them.

A buyer may run any code, and code may start processes. If the buyer ends first, the kernel hands them on: to the lab,
which has asked for that, and not to the system. What is left at the lab's end is killed. If the lab itself is killed,
nobody is left to do that.
"""

from __future__ import annotations

import atexit
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36
_OF_THE_LIBRARY: Final = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


def adopt() -> None:
    """Have the kernel hand on to this process what its children leave behind, and end that when this process ends.

    On systems other than Linux nothing is handed on. Call this before `multiprocessing` is imported: what is left for
    the end is done in reverse order, and managers are to be stopped in order first.
    """
    if os.name != "posix":
        return
    import ctypes  # only for commands that start buyers, which need it anyway

    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        atexit.register(_end_adopted, os.getpid())


def _end_adopted(lab: int) -> None:
    """Kill what is left of the lab's descendants, until nothing is.

    Two helpers of `multiprocessing` are spared, and keepers of servers: they end by themselves, and have memory and
    files to give back before.
    """
    from ticketlab.core.system.keepers import KEEPERS

    killed: set[int] = set()
    while os.getpid() == lab and (left := [child for child in _children() if child not in killed]):
        for child in left:
            killed.add(child)
            if child not in KEEPERS and not _is_of_the_library(child):
                with suppress(OSError):
                    os.kill(child, signal.SIGKILL)  # its own children are handed on to this process
                    os.waitpid(child, 0)


def _children() -> list[int]:
    found = []
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in task.read_text("ascii").split()]
    return found


def _is_of_the_library(process: int) -> bool:
    with suppress(OSError):
        command = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
        return any(module in command for module in _OF_THE_LIBRARY)
    return False
