"""What passes the probes by: Python's own account (PEP 578) of what a participant does outside of every stand-in.

A function that a library kept before the search began, memory that is mapped, a socket, a call by ctypes: none of them
makes a step, and Python tells of each. What it tells while a participant is at work, and no probe is, the lab did not
see; a search in which that happened proves nothing.
"""

from __future__ import annotations

import fcntl
import os
import sys
from _thread import get_ident
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import moving
from ticketlab.probes.here import HERE, PASSED_ON
from ticketlab.probes.standins import is_users

_PATHS: Final = {
    "open": "opened",
    **dict.fromkeys(("os.listdir", "os.scandir"), "listed"),
    "os.rename": "renamed",
    "os.link": "linked",
    **dict.fromkeys(("os.symlink", "os.mkdir"), "made"),
    **dict.fromkeys(("os.remove", "os.rmdir"), "removed"),
    **dict.fromkeys(("os.truncate", "os.utime", "os.chmod", "os.chown", "os.setxattr", "os.removexattr"), "changed"),
    **dict.fromkeys(("os.getxattr", "os.listxattr"), "looked at"),
    "sqlite3.connect": "opened",
}
_OTHERS: Final = {
    "socket.bind": "a socket was bound",
    "socket.connect": "a socket was connected",
    **dict.fromkeys(("socket.sendto", "socket.sendmsg"), "a socket was written to"),
    "os.posix_spawn": "a command was run",
    "fcntl.flock": "a file was locked",
    "fcntl.lockf": "a file was locked",
}
_LOCKS: Final = {getattr(fcntl, name): name for name in dir(fcntl) if name.startswith(("F_SETLK", "F_OFD_SETLK"))}
_DRIVERS: Final = frozenset({"psycopg", "psycopg2"})
"""Drivers whose calls Python tells nothing of: nothing stands in for them if they are imported during a search."""
_IMPORTERS: Final = frozenset({"importlib._bootstrap", "_frozen_importlib"})


@cache
def listen() -> None:
    """Have Python tell; it cannot be told to stop, and outside a participant nothing comes of it."""
    sys.addaudithook(_heard)


def _heard(event: str, given: Sequence[Any]) -> None:
    if event in _TOLD and get_ident() == HERE.owner and (HERE.acting or (moving() is not None and _calls_back())):
        acting, HERE.acting = HERE.acting, False
        try:
            told = _TOLD[event](event, given)
            if told:
                pacing.note(pacing.OUT_OF_SIGHT, f"{told} by code that the lab does not see")
        finally:
            HERE.acting = acting


def _calls_back() -> bool:
    """Whether the participant's own code runs in the middle of a probe's call, as SQL functions of the user's do."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("ticketlab."):
            if frame.f_code is not PASSED_ON:
                return False
        elif name in sys.modules and is_users(sys.modules[name]):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _of_path(event: str, given: Sequence[Any]) -> str:
    path = "." if given[0] is None else given[0]
    if isinstance(path, int) or path == ":memory:" or (event != "open" and _imports()):
        return ""
    place = HERE.resources.announced(path)
    return f"{place.path} was {_PATHS[event]}" if place is not None else ""


def _of_memory(_: str, given: Sequence[Any]) -> str:
    return "a file was mapped into memory" if given[0] != -1 else ""  # nobody else has what is mapped without a file


def _of_fcntl(_: str, given: Sequence[Any]) -> str:
    name = _LOCKS.get(given[1], "")
    if name.endswith("W"):
        raise UsageError(f"{HERE.called} waits for a lock by fcntl.fcntl ({name}): take it by fcntl.lockf")
    return "a file was locked" if name else ""


def _of_lockf(_: str, given: Sequence[Any]) -> str:
    if given[1] == os.F_LOCK:
        raise UsageError(f"{HERE.called} waits for a lock by os.lockf: take it by fcntl.lockf")
    return "a file was locked"


def _of_ctypes(_: str, given: Sequence[Any]) -> str:
    return "" if _imports() else f"{given[1]} was called"


def _of_import(_: str, given: Sequence[Any]) -> str:
    return f"{given[0]}, imported in the function and not before it, may have been used" if given[0] in _DRIVERS else ""


def _exec(*_: object) -> str:
    raise UsageError(f"{HERE.called} puts another program in its place (os.exec): explore the whole program")


def _imports() -> bool:
    """Whether a module is being imported, which lists folders and loads libraries."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") not in _IMPORTERS:
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None


_TOLD: Final[dict[str, Callable[[str, Sequence[Any]], str]]] = {
    **dict.fromkeys(_PATHS, _of_path),
    **{event: lambda event, _: _OTHERS[event] for event in _OTHERS},
    "mmap.__new__": _of_memory,
    "fcntl.fcntl": _of_fcntl,
    "os.lockf": _of_lockf,
    "import": _of_import,
    "ctypes.dlsym": _of_ctypes,
    "os.exec": _exec,
}
