"""Libraries whose own loops poll, and that say so: without a time-out they try until they have the lock.

They count their tries all the same, to say how many there were or to sleep for longer and longer. What a library says
of its function is believed like the promise of a purchase that tries again (see `ticketlab.explorer.engine.spinning`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import CO_OPTIMIZED
from types import FrameType
from typing import Any, Final

_Says = Callable[[Mapping[str, Any]], bool]


_ALL: Final = ("*",)
_PASSED_ON: Final = ("stat", "lstat")
_TIMELESS: Final[Mapping[str, tuple[str, ...]]] = {
    "genericpath": ("exists", "lexists", "isfile", "isdir", "islink", "getsize", "samefile", "sameopenfile"),
    "posixpath": ("lexists", "islink", "ismount", "realpath", "_joinrealpath"),
    "pathlib": ("exists", "is_dir", "is_file", "is_symlink", "is_mount", "samefile", "mkdir", "touch", "resolve"),
    "os": ("makedirs", "_walk", "walk"),
    "glob": _ALL,
    "tempfile": _ALL,
    "filelock._unix": _ALL,
    "filelock._api": _ALL,
    "filelock._util": _ALL,
    "filelock._soft": _ALL,
}
"""The functions that ask what is known of a file for something else than its times; of some modules, all."""


def _forever(variables: Mapping[str, Any]) -> bool:
    """Whether a lock of filelock's was asked to wait without a time-out, and to ask nobody meanwhile."""
    timeout = variables.get("timeout")
    endless = isinstance(timeout, int | float) and timeout < 0 and variables.get("cancel_check") is None
    return endless and _is_of("filelock", variables.get("self"))


def _steadily(variables: Mapping[str, Any]) -> bool:
    """Whether filelock sleeps as long as it was told to, and draws no lots about it."""
    return _forever(variables) and variables.get("delay", variables.get("poll_interval")) == variables["poll_interval"]


def _unwatched(variables: Mapping[str, Any]) -> bool:
    """Whether a lock of fasteners' is tried again with no stop watch that ends it."""
    watch, lock = getattr(variables.get("self"), "watch", None), getattr(variables.get("fn"), "__self__", None)
    return getattr(watch, "duration", 0) is None and _is_of("fasteners", lock)


def _endless_watch(variables: Mapping[str, Any]) -> bool:
    return getattr(variables.get("self"), "duration", 0) is None


def _of_client(variables: Mapping[str, Any]) -> bool:
    """Whether a lock of a client of Valkey or Redis was asked to wait without a time-out; its lease may have one."""
    endless = variables.get("stop_trying_at", 0) is None and variables.get("blocking") is True
    return endless and any(_is_of(library, variables.get("self")) for library in ("valkey", "redis"))


def _is_of(library: str, lock: object) -> bool:
    """Whether a lock is of a class of the library's own; a class of the user's may make something else of a try."""
    return type(lock).__module__.partition(".")[0] == library


_LOOPS: Final[Mapping[tuple[str, str], _Says]] = {
    ("filelock._api", "_poll_until_acquired"): _steadily,
    ("filelock._api", "acquire"): _steadily,
    ("fasteners._utils", "__call__"): _unwatched,
    ("valkey.lock", "acquire"): _of_client,
    ("redis.lock", "acquire"): _of_client,
}
"""The functions with the loops, and what their variables have to show."""

_LOOKS: Final[Mapping[tuple[str, str], _Says]] = {
    ("filelock._api", "acquire"): _forever,
    ("valkey.lock", "acquire"): _of_client,
    ("redis.lock", "acquire"): _of_client,
    ("fasteners._utils", "start"): _endless_watch,
    ("fasteners._utils", "elapsed"): _endless_watch,
    ("fasteners._utils", "__exit__"): _endless_watch,
}
"""The functions that look at a clock and make nothing of it."""


def variables_of(call: FrameType) -> dict[str, Any]:
    """Return a function's variables; Python must not keep their values for longer than the function does."""
    held = call.f_locals
    found = dict(held)
    if type(held) is dict and call.f_code.co_flags & CO_OPTIMIZED:
        held.clear()
    return found


def keeps_trying(call: FrameType) -> bool:
    """Whether a function that goes to sleep has said that it tries again until it succeeds."""
    return _says(_LOOPS, call)


def looks_in_vain(call: FrameType) -> bool:
    """Whether nothing depends on the time that a function looks at."""
    return _says(_LOOKS, call)


def ignores_times(call: FrameType | None) -> bool:
    """Whether a function that asks what is known of a file makes nothing of its times."""
    while call is not None and _module_of(call) == "pathlib" and call.f_code.co_name in _PASSED_ON:
        call = call.f_back
    if call is None:
        return False
    names = _TIMELESS.get(_module_of(call), ())
    return call.f_code.co_name in names or names == _ALL


def _module_of(call: FrameType) -> str:
    """Return the module of a function; in Python 3.13, pathlib is several."""
    name: str = call.f_globals.get("__name__", "")
    return "pathlib" if name.startswith("pathlib._") else name


def _says(functions: Mapping[tuple[str, str], _Says], call: FrameType) -> bool:
    says = functions.get((_module_of(call), call.f_code.co_name))
    if says is None:
        return False
    return says(variables_of(call))
