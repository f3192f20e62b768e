"""Which calls of the standard library are guards, by the names of the functions that probes stand in for."""

from __future__ import annotations

import fcntl
import io
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from ticketlab.core.mutants import GuardUse
from ticketlab.probes.here import HERE
from ticketlab.probes.standins import identity

_LOOKS: Final = frozenset(
    {"exists", "lexists", "isfile", "isdir", "is_file", "is_dir", "access", "stat", "lstat", "listdir"}
)
_SYNCS: Final = frozenset({"fsync", "fdatasync"})
_OPENS: Final = frozenset({"open", "open_code"})
_CALLER: Final = 4  # frames up, who makes the call
GuardCall = Callable[[], Any]


class Switch(Protocol):
    """What decides about guards; see `core.mutants.Mutator`."""

    @property
    def holds(self) -> bool:
        """Whether the participant at work has taken a guard."""

    def enter(self, use: GuardUse) -> Any:
        """Take a guard."""

    def leave(self, key: object, give: Callable[[], Any], skipped: Any = None) -> Any:
        """Give one back."""

    def replace(self, kind: str, do: Callable[[], Any], instead: Callable[[], Any]) -> Any:
        """Do what a guard does in one call, or the same without it."""


def guarded_call(
    switch: Switch,
    seen: dict[object, Any],
    original: Callable[..., Any],
    probe: Callable[..., Any],
    args: Any,
    kwargs: Any,
) -> Any:
    """Make a call; if it is a guard, let the switch decide. `seen` keeps what came of the participant's looks."""
    name, do = getattr(original, "__name__", ""), partial(probe, *args, **kwargs)
    if name in ("flock", "lockf"):
        return _file_lock(switch, probe, do, *args)
    if name == "_callmethod" and args[1] in ("acquire", "release"):
        attempt = partial(probe, args[0], "acquire", (False,))
        return _lock(switch, args[1], args[0]._token.id, do, attempt, partial(probe, args[0], "release"))
    if name in ("acquire", "release") and not kwargs.get("timeout"):
        lock = getattr(probe, "__self__", None)
        if lock is None:
            lock, attempt = HERE.shared.of(args[0]), partial(probe, args[0], False)
        else:
            attempt = partial(probe, False)
        return _lock(switch, name, identity(lock), do, attempt, getattr(lock, "_release", None))
    if name == "execute" and len(args) > 1 and isinstance(args[1], str):
        return _statement(switch, do, *args[:2])
    if name in ("commit", "rollback") and args:
        return _end(switch, args[0], do, None)
    if name in _SYNCS:
        return switch.replace(name, do, _nothing)
    if name in _LOOKS:
        return _look(switch, seen, (name, repr(args)), do)
    if name in _OPENS and args:
        return _open(switch, seen, probe, do, args, kwargs)
    return do()


def _file_lock(switch: Switch, probe: Callable[..., Any], do: GuardCall, fd: Any, operation: int, *rest: Any) -> Any:
    key = "lock on file", fd if isinstance(fd, int) else fd.fileno()
    if operation & fcntl.LOCK_UN:
        return switch.leave(key, do)

    def attempt() -> bool:
        try:
            probe(fd, operation | fcntl.LOCK_NB, *rest)
        except OSError:
            return False
        return True

    return switch.enter(GuardUse("lock", key, do, attempt, partial(probe, fd, fcntl.LOCK_UN)))


def _lock(switch: Switch, name: str, key: object, do: GuardCall, attempt: GuardCall, give: GuardCall | None) -> Any:
    if name == "release":
        return switch.leave(key, do)
    return switch.enter(GuardUse("lock", key, do, lambda: bool(attempt()), give, skipped=True))


def _statement(switch: Switch, do: GuardCall, cursor: Any, sql: str) -> Any:
    """Begin or end a transaction, or make any other statement."""
    word = sql.strip().partition(" ")[0].rstrip(";").upper()
    key = "transaction", identity(cursor.connection)
    if word == "BEGIN":
        return switch.enter(GuardUse("transaction", key, do, skipped=cursor))
    if word in ("COMMIT", "END", "ROLLBACK"):
        return _end(switch, cursor.connection, do, cursor)
    return do()


def _end(switch: Switch, connection: Any, do: GuardCall, skipped: Any) -> Any:
    """End a transaction; one that began by itself, since its BEGIN was taken away, is ended all the same."""
    give = do if connection.in_transaction else lambda: skipped
    done = switch.leave(("transaction", identity(connection)), give, _nothing)
    return give() if done is _nothing else done


def _look(switch: Switch, seen: dict[object, Any], key: object, do: GuardCall) -> Any:
    """Look; a second look, with a guard taken, is a guard of its own, without which the first one's answer stands."""
    if switch.holds:
        return switch.replace("second look", do, lambda: seen[key]) if key in seen else do()
    seen[key] = result = do()
    return result


def _open(
    switch: Switch, seen: dict[object, Any], probe: Callable[..., Any], do: GuardCall, args: Any, kwargs: dict[str, Any]
) -> Any:
    """Open a file: one that has to be new, or one that is read, perhaps again."""
    named = "flags" if "flags" in kwargs else "mode"  # the mode of os.open says who may open the file
    file, mode = args[0], args[1] if len(args) > 1 else kwargs.get(named, "r")

    def opened(other: Any) -> Any:
        return probe(file, other, *args[2:], **kwargs) if len(args) > 1 else probe(file, **kwargs | {named: other})

    if isinstance(mode, int):
        if not mode & os.O_EXCL or sys._getframe(_CALLER).f_code.co_filename == tempfile.__file__:
            return do()
        return switch.replace("exclusive creation", do, partial(opened, mode & ~os.O_EXCL))
    if "x" in mode:
        return switch.replace("exclusive creation", do, partial(opened, mode.replace("x", "w")))
    if not isinstance(file, str | Path) or "r" not in mode or "+" in mode:
        return do()
    key = "read", str(file)
    if switch.holds:
        return switch.replace("second look", do, partial(_copy, seen[key], mode)) if key in seen else do()
    result = do()
    seen[key] = _content(file)
    return result


def _content(file: str | Path) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""


def _copy(content: bytes, mode: str) -> Any:
    return io.BytesIO(content) if "b" in mode else io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def _nothing() -> None:
    """Write nothing through to the disk."""
