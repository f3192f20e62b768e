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
from ticketlab.probes.valkey.commands import CommandWords, words_of

Ask = Callable[..., Any]

_SETS: Final = frozenset(
    {"SET", "GETSET", "PERSIST", "SETEX", "PSETEX", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "GETEX"}
)
_DELETES: Final = frozenset({"EVAL", "EVALSHA", "DEL", "UNLINK", "GETDEL", "RENAME"})
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
    name, *given = words_of(command)
    name, options = name.upper(), [each.upper() for each in given[2:]]
    if name in _DELETES:
        for key in ask("HKEYS", ENDS):
            if not ask("EXISTS", key):
                ask("HDEL", ENDS, key)
    if name not in _SETS:
        return
    key = given[0]
    left = ask("PTTL", key)
    seconds = _seconds(name, given[1:])
    if seconds is None or (name.endswith("EXPIRE") and options):
        pacing.note(UNTRIED, f"{HERE.called} gives a key an end by {name} with options")
    elif left > 0:
        ask("PERSIST", key)
        ask("HSET", ENDS, key, repr(pacing.now() + seconds))
    elif not seconds and "KEEPTTL" not in options and not {"NX", "XX"} & set(options) and name != "GETEX":
        ask("HDEL", ENDS, key)


def _seconds(name: str, given: list[str]) -> float | None:
    """Return in how many seconds a command has a key end: 0 for never, None if it says that in another way."""
    if name in ("SETEX", "EXPIRE"):
        return float(given[0])
    if name in ("PSETEX", "PEXPIRE"):
        return float(given[0]) / 1000
    options = [each.upper() for each in given]
    for unit, scale in (("EX", 1.0), ("PX", 1000.0)):
        if unit in options[:-1]:
            return float(given[options.index(unit) + 1]) / scale
    return None if _OTHERWISE & {name, *options} else 0.0
