"""What a command reads and changes on a Valkey or Redis server, and how one that waits is tried without waiting.

The server carries out one command at a time, and so each is one step. A command whose keys are not known for certain,
such as a script, concerns everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha1
from typing import Any, Final, NamedTuple

from ticketlab.core.steps import Access, Action, Step
from ticketlab.probes.file_system.resources import DATABASE

CommandWords = Sequence[Any]

_READ_ONE: Final = frozenset(
    {
        *("GET", "STRLEN", "GETRANGE", "SUBSTR", "HGET", "HMGET", "HGETALL", "HEXISTS", "HLEN", "HKEYS", "HVALS"),
        *("LLEN", "LRANGE", "LINDEX", "LPOS", "SISMEMBER", "SMISMEMBER", "SMEMBERS", "SCARD", "ZSCORE", "ZMSCORE"),
        *("ZRANGE", "ZRANGEBYSCORE", "ZREVRANGE", "ZCARD", "ZCOUNT", "ZRANK", "TYPE", "XLEN", "XRANGE", "XREVRANGE"),
        *("GETBIT", "BITCOUNT", "XPENDING"),
    }
)
_READ_ALL: Final = frozenset({"EXISTS", "MGET", "SINTER", "SUNION", "SDIFF", "WATCH"})
_CHANGE_ONE: Final = frozenset(
    {
        *("SET", "SETNX", "SETEX", "PSETEX", "GETSET", "GETDEL", "GETEX", "APPEND", "SETRANGE", "SETBIT"),
        *("INCR", "DECR", "INCRBY", "DECRBY", "INCRBYFLOAT", "HSET", "HSETNX", "HMSET", "HINCRBY", "HINCRBYFLOAT"),
        *("HDEL", "LPUSH", "RPUSH", "LPUSHX", "RPUSHX", "LPOP", "RPOP", "LSET", "LREM", "LTRIM", "LINSERT"),
        *("SADD", "SREM", "ZADD", "ZREM", "ZINCRBY", "ZPOPMIN", "ZPOPMAX", "ZREMRANGEBYSCORE", "ZREMRANGEBYRANK"),
        *("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "PERSIST", "XADD", "XACK", "XDEL", "XTRIM", "XCLAIM"),
        "XAUTOCLAIM",
    }
)
_CHANGE_ALL: Final = frozenset({"DEL", "UNLINK"})
_CHANGE_TWO: Final = frozenset({"LMOVE", "RPOPLPUSH", "RENAME", "RENAMENX", "COPY"})
_OWN: Final = frozenset({"PING", "ECHO", "CLIENT", "HELLO", "AUTH", "SCRIPT", "COMMAND", "UNWATCH", "READONLY", "INFO"})
_SCRIPTS: Final = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
_UNTRIED: Final = {
    **dict.fromkeys(("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"), "how long a key has left"),
    "TIME": "the server's clock",
    **dict.fromkeys(
        ("SPOP", "SRANDMEMBER", "RANDOMKEY", "HRANDFIELD", "ZRANDMEMBER"), "a random choice of the server's"
    ),
    "SELECT": "SELECT, after which other keys are meant",
    **dict.fromkeys(("PUBLISH", "SPUBLISH", "SUBSCRIBE", "PSUBSCRIBE"), "messages to subscribers"),
    **dict.fromkeys(("WAIT", "WAITAOF", "BLMPOP", "BZMPOP", "MONITOR", "SYNC", "PSYNC"), "a command that waits"),
    **dict.fromkeys(("MULTI", "EXEC", "DISCARD"), "MULTI and EXEC without a pipeline"),
}
_NIL_IF_REFUSED: Final = frozenset({"SET", "LPOP", "RPOP", "LMOVE", "RPOPLPUSH", "GETDEL"})
_scripts: Final[dict[str, str]] = {}  # by digest
_POPS: Final = {"BLPOP": "LPOP", "BRPOP": "RPOP", "BZPOPMIN": "ZPOPMIN", "BZPOPMAX": "ZPOPMAX"}
_MOVES: Final = {"BLMOVE": "LMOVE", "BRPOPLPUSH": "RPOPLPUSH"}


class NonblockingForm(NamedTuple):
    """How a command that waits is tried: by `tries`, one after another; `timeout` is in seconds, None for ever."""

    tries: Sequence[CommandWords]
    timeout: float | None
    names_key: bool = False  # whether the answer begins with the key


def words_of(command: CommandWords) -> list[str]:
    """Return a command's words; the first ones may stand in one text."""
    told = [each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in command]
    return [*told[0].split(), *told[1:]] if told else []


def untried(command: CommandWords) -> str:
    """Return what of a command is not tried, or an empty string."""
    words = words_of(command)
    name = words[0].upper()
    if name in _UNTRIED:
        return _UNTRIED[name]
    if name in ("EVAL", "EVAL_RO") and len(words) > 1:
        return _untried_in_script(words[1])
    if name in ("EVALSHA", "EVALSHA_RO") and len(words) > 1:
        known = _scripts.get(words[1].lower())
        return "a script that the lab has not seen" if known is None else _untried_in_script(known)
    return ""


def learn_script(text: Any) -> None:
    """Take down a script that is later called by its digest."""
    data = text if isinstance(text, bytes) else str(text).encode()
    _scripts[sha1(data, usedforsecurity=False).hexdigest()] = data.decode(errors="replace")


def script_called(command: CommandWords) -> str:
    """Return the text of the script that a command calls by its digest, if it is known."""
    words = words_of(command)
    return _scripts.get(words[1].lower(), "") if words[0].upper().startswith("EVALSHA") and len(words) > 1 else ""


def may_be_refused(command: CommandWords) -> bool:
    """Whether a command that answers with nothing has changed nothing."""
    words = [each.upper() for each in words_of(command)]
    return words[0] in _NIL_IF_REFUSED and "GET" not in words[3:]


def is_script(command: CommandWords) -> bool:
    """Whether a command runs a script, which may fail in the middle."""
    return words_of(command)[0].upper() in _SCRIPTS


def _untried_in_script(text: str) -> str:
    lower = text.lower()
    if "expire" in lower or "ttl" in lower or "'px'" in lower or "'ex'" in lower:
        return "a script that minds when a key expires"
    return "a script that asks for the time, or for a random choice" if "'time'" in lower or "rand" in lower else ""


def accesses(command: CommandWords, server: str) -> list[Access]:
    """Return what a command does to which resources; none if nobody else can notice it."""
    name, *rest = words_of(command)
    name = name.upper()
    if name in _OWN:
        return []
    if name in _READ_ONE or name in _READ_ALL:
        return _of(Action.READ, rest if name in _READ_ALL else rest[:1], server)
    if name in _CHANGE_ONE or name in _CHANGE_ALL:
        return _of(Action.WRITE, rest if name in _CHANGE_ALL else rest[:1], server)
    if name in _CHANGE_TWO:
        return _of(Action.WRITE, rest[:2], server)
    if name in ("XREAD", "XREADGROUP"):
        after = [each.upper() for each in rest]
        names = rest[after.index("STREAMS") + 1 :] if "STREAMS" in after else []
        return _of(Action.READ if name == "XREAD" else Action.WRITE, names[: len(names) // 2], server)
    if name in ("XGROUP", "XINFO"):
        return _of(Action.WRITE, rest[1:2], server)
    if name in _SCRIPTS and len(rest) > 1 and rest[1].isdigit():
        return [*_of(Action.WRITE, rest[2 : 2 + int(rest[1])], server)[:-1], (Action.WRITE, DATABASE + server)]
    return [(Action.WRITE, DATABASE + server)]


def _of(action: Action, keys: Sequence[str], server: str) -> list[Access]:
    """Return the accesses to some keys; what is not known to touch only its keys changes the server."""
    return [*((action, f"{key} in {server}") for key in dict.fromkeys(keys)), (Action.READ, DATABASE + server)]


def command_step(told: Sequence[Access]) -> Step | None:
    """Return the step of what is done at one moment; None of nothing."""
    ordered = sorted(dict.fromkeys(told), key=lambda access: (access[1].startswith(DATABASE), access[0].looks))
    ordered = [each for each in ordered if not (each[0].looks and (Action.WRITE, each[1]) in ordered)]
    if not ordered:
        return None
    (action, resource), *also = ordered
    return Step(action, resource, also=tuple(also), path=resource.removeprefix(DATABASE))


def waiting(command: CommandWords) -> NonblockingForm | None:
    """Return how a command is tried that may wait; None if it does not wait."""
    words = words_of(command)
    name = words[0].upper()
    given = list(command)
    if name in _POPS:
        *keys, timeout = _flat(given[1:])
        return NonblockingForm([(_POPS[name], key) for key in keys], _seconds(timeout), names_key=True)
    if name in _MOVES:
        return NonblockingForm([(_MOVES[name], *given[1:-1])], _seconds(given[-1]))
    if name in ("XREAD", "XREADGROUP"):
        upper = [each.upper() for each in words]
        if "BLOCK" in upper[: upper.index("STREAMS") if "STREAMS" in upper else None]:
            at = upper.index("BLOCK")
            return NonblockingForm([(*given[:at], *given[at + 2 :])], _seconds(float(words[at + 1]) / 1000))
    return None


def _flat(given: Sequence[Any]) -> Iterator[Any]:
    for each in given:
        yield from each if isinstance(each, list | tuple) else [each]


def _seconds(timeout: Any) -> float | None:
    return float(timeout) or None
