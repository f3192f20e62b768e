"""Tying a child process to the process that started it, so that neither kill -9 of the lab nor Ctrl-C leaves orphans.

It stands in `core` because stores (a manager's server), launchers (buyers, clerks) and executors all start processes.
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
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None)  # looked up once, for all processes that are forked from here
_F_SETSIG = getattr(fcntl, "F_SETSIG", 10)
_STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM, to start children: a Ctrl-C meanwhile reaches the caller when the context ends.

    A child that is started within the context has the signals blocked too, until it calls `die_with_parent`.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill the calling process when the process `parent`, which asked for it, dies.

    The parent's pid has to be taken before the child is started: a child that asks for it itself may already have been
    handed to another process. If the parent has died by now, the caller dies at once. A child of a fork server is tied
    to the process that asked the server for it. Ctrl-C is left to the parent too, which stops its children in order.
    On systems other than Linux nothing is tied.
    """
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _STOPS)
    if _PRCTL is None:
        return
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)  # first: the parent may die between this line and the next
    if os.getppid() == parent:
        return
    starter = parent_process()
    if starter is None or starter.pid != parent:  # no fork server stands between: the parent has died
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        _die_at_end_of(starter.sentinel)


def _die_at_end_of(pipe: int) -> None:
    """Have the kernel kill the calling process when the last writer closes a pipe that nobody writes to."""
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([pipe], [], [], 0)[0]:  # it was closed before
        os.kill(os.getpid(), signal.SIGKILL)


def outlive_parent() -> None:
    """Undo `die_with_parent`: to the kernel a parent is the thread that forked, and some threads end before the lab."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, 0)
