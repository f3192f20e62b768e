"""Tying a helper process to the one that started it, so that kill -9 of the lab leaves no orphans.

It stands here because stores (a manager's server) and launchers (buyers, clerks) both start processes.
"""

from __future__ import annotations

# signal.signal also makes enumerations of its numbers: 40 pages of memory that each child would have to copy
import _signal  # type: ignore[import-not-found]  # has no stubs
import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None)  # looked up once, for all that are forked from here


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill the calling process when its parent dies; elsewhere than on Linux this does nothing.

    `parent` is the parent's pid where the caller knows it: if it has died already, so does the caller. Ctrl-C is left
    to the parent as well: it stops its helpers itself, in order.
    """
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    if _PRCTL is not None:
        before = parent or os.getppid()
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != before:  # it died in between
            os.kill(os.getpid(), signal.SIGKILL)
