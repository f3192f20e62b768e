"""Tying a helper process to the one that started it, so that neither kill -9 of the lab nor Ctrl-C leaves orphans.

It stands here because stores (a manager's server) and launchers (buyers, clerks) both start processes.
"""

from __future__ import annotations

# signal.signal also makes enumerations of its numbers: 40 pages of memory that each child would have to copy
import _signal  # type: ignore[import-not-found]  # has no stubs
import ctypes
import fcntl
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process

_PR_SET_PDEATHSIG = 1
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None)  # looked up once, for all that are forked from here
_F_SETSIG = getattr(fcntl, "F_SETSIG", 10)
_STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Start helpers: a Ctrl-C meanwhile reaches the caller afterwards, and a helper never before it leaves that to us.

    What is started with the signals blocked has them blocked, until it calls `die_with_parent`.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill the calling process when its parent dies; elsewhere than on Linux this does nothing.

    `parent` is the parent's pid where the caller knows it: if it has died already, so does the caller. Whoever was
    started through a fork server is tied to the process that asked for it. Ctrl-C is left to the parent as well: it
    stops its helpers itself, in order.
    """
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _STOPS)
    if _PRCTL is None:
        return
    before = parent or os.getppid()
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != before:  # it died in between
        os.kill(os.getpid(), signal.SIGKILL)
    starter = parent_process()
    if parent is None and starter is not None and starter.pid != before:
        _die_at_end_of(starter.sentinel)


def _die_at_end_of(pipe: int) -> None:
    """Have the kernel kill the calling process when the last writer closes a pipe that nobody writes to."""
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([pipe], [], [], 0)[0]:  # it was closed before
        os.kill(os.getpid(), signal.SIGKILL)


def outlive_parent() -> None:
    """Take that back. To the kernel the parent is the thread that forked, and some threads end before their process."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, 0)
