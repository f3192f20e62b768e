"""Keys that expire: by the clock of whoever looks, and not by the server's, which knows nothing of virtual time.

After a command that gives a key an end, the end is taken away, and kept in a hash on the server. Before a command, keys
are deleted whose end has come for the participant that makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.pacing import UNTRIED
from ticketlab.core.servers import ENDS
from ticketlab.probes.here import HERE
from ticketlab.probes.valkey.commands import CommandWords, accesses, words_of

Ask = Callable[..., Any]

_SETS: Final = frozenset(
    {"SET", "GETSET", "PERSIST", "SETEX", "PSETEX", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "GETEX"}
)
_OTHERWISE: Final = frozenset({"EXPIREAT", "PEXPIREAT", "EXAT", "PXAT"})


def end_keys(ask: Ask) -> None:
    """Delete the keys whose end has come."""
    ends = ask("HGETALL", ENDS)
    if not ends:
        return
    pairs = ends.items() if isinstance(ends, dict) else zip(ends[::2], ends[1::2], strict=True)
    over = [key for key, end in pairs if float(end) <= pacing.now()]
    if over:
        pacing.note(UNTRIED, f"{HERE.called} found that a key had expired: other moments for that were not tried")
        ask("DEL", *over)
        ask("HDEL", ENDS, *over)


def keep_ends(ask: Ask, command: CommandWords) -> None:
    """Take down, after a command, which keys have an end now, and which have none any more."""
    if all(action.looks for action, _ in accesses(command, "")):
        return
    name, *given = words_of(command)
    name = name.upper()
    if name in ("RENAME", "RENAMENX", "COPY"):
        _pass_on(ask, name, *given[:2])
    for key in ask("HKEYS", ENDS):
        if not ask("EXISTS", key):  # what is made anew under its name has no end
            ask("HDEL", ENDS, key)
    if name not in _SETS:
        return
    key, options = given[0], [each.upper() for each in given[2 if name in ("SET", "GETSET") else 1 :]]
    left = ask("PTTL", key)
    seconds = _seconds(name, options)
    if seconds is None or (name.endswith("EXPIRE") and len(options) > 1):
        pacing.note(UNTRIED, f"{HERE.called} gives a key an end by {name} with options")
    elif left > 0:
        ask("PERSIST", key)
        ask("HSET", ENDS, key, repr(pacing.now() + seconds))
    elif not seconds and ("PERSIST" in options if name == "GETEX" else not {"KEEPTTL", "NX"} & set(options)):
        ask("HDEL", ENDS, key)


def _pass_on(ask: Ask, name: str, key: str, new: str) -> None:
    """Have a key that was renamed keep its end."""
    end = ask("HGET", ENDS, key)
    if name == "COPY":
        if end is not None:
            pacing.note(UNTRIED, f"{HERE.called} copies a key that has an end")
    elif name == "RENAME" or not ask("EXISTS", key):
        ask("HDEL", ENDS, new) if end is None else ask("HSET", ENDS, new, end)


def _seconds(name: str, options: list[str]) -> float | None:
    """Return in how many seconds a command has a key end: 0 for never, None if it says that in another way."""
    if name in ("SETEX", "EXPIRE"):
        return float(options[0])
    if name in ("PSETEX", "PEXPIRE"):
        return float(options[0]) / 1000
    for unit, scale in (("EX", 1.0), ("PX", 1000.0)):
        if unit in options[:-1]:
            return float(options[options.index(unit) + 1]) / scale
    return None if _OTHERWISE & {name, *options} else 0.0
