"""What a statement for PostgreSQL does, by its text.

The server is not asked what a statement would touch, so whatever is not known to be less concerns everybody. The tables
are for people and for judges; nothing is decided by them.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple


class Effect(Enum):
    """Whom a statement concerns, and how."""

    NOTHING = "nothing"  # what only its own connection notices
    CATALOG = "catalog"  # it reads what tables there are
    READ = "read"
    LOCK = "lock"  # SELECT FOR UPDATE, and others of its kind
    INSERT = "insert"
    CHANGE = "change"
    ADVISE = "advise"  # advisory locks
    EVERYTHING = "everything"  # readers may have to wait for it, or it is not known
    COMMIT = "commit"
    ROLLBACK = "rollback"
    BACK = "back"  # to a savepoint


class SqlEffect(NamedTuple):
    """What a statement does: `reads` and `changes` name tables, `calls` the functions, `untried` what is not tried."""

    effect: Effect
    reads: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()
    serializable: bool = False
    sets_timeout: bool = False
    opens_savepoint: bool = False


_NOISE: Final = re.compile(
    r"""--[^\n]*|/\*.*?\*/|(?:\b[eE])?'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$""", re.DOTALL
)
_NAME: Final = r'(?:only\s+)?((?:"[^"]+"|[a-z_][\w$]*)(?:\.(?:"[^"]+"|[a-z_][\w$]*))*)'
_READS: Final = re.compile(rf"\b(?:from|join|using)\s+(?:lateral\s+)?{_NAME}(?!\s*\()", re.IGNORECASE)
_AND: Final = re.compile(rf"\bfrom\s+[\w\".$]+(?:\s+(?:as\s+)?\w+)?\s*,\s*{_NAME}", re.IGNORECASE)
_CHANGES: Final = re.compile(
    rf"\b(?:(?<!for\s)(?<!no\skey\s)(?<!do\s)update(?!\s+(?:set|of|skip|nowait)\b)"
    rf"|insert\s+into|delete\s+from|merge\s+into|lock(?:\s+table)?|truncate(?:\s+table)?)\s+{_NAME}",
    re.IGNORECASE,
)
_WITH: Final = re.compile(
    r"(?:\bwith(?:\s+recursive)?|,)\s+(\w+)\s*(?:\([^()]*\)\s*)?as\s*(?:(?:not\s+)?materialized\s*)?\(", re.I
)
_WORD: Final = re.compile(r"\s*\(*\s*([a-z]+)", re.IGNORECASE)
_CALLS: Final = re.compile(r"(?<!into\s)(?<![\w.$\"])(?:pg_catalog\.)?([a-z_][\w$]*)\s*\(", re.IGNORECASE)
_LOCKS: Final = re.compile(r"\bfor\s+(?:no\s+key\s+)?(?:update|share|key\s+share)\b", re.IGNORECASE)
_DATA: Final = re.compile(r"\b(insert\s+into|delete\s+from|merge\s+into|(?<!for\s)(?<!key\s)(?<!do\s)update\b)", re.I)
_CLOCKS: Final = re.compile(
    r"\b(now\s*\(|current_timestamp|current_time\b|current_date|localtimestamp|localtime\b|clock_timestamp"
    r"|statement_timestamp|transaction_timestamp|timeofday|random\s*\(|gen_random_uuid|uuidv\w+|pg_sleep\w*)",
    re.IGNORECASE,
)
_CHOOSES: Final = re.compile(r"\b(?:where|select|update|delete)\b", re.IGNORECASE)
_TIMEOUTS: Final = re.compile(r"\b(?:lock|statement|transaction|session)_timeout\b|_session_timeout\b", re.IGNORECASE)
_MESSAGES: Final = re.compile(r"\b(?:listen|unlisten|notify|pg_notify)\b", re.IGNORECASE)
_OF_OTHERS: Final = re.compile(
    r"\b(pg_locks|pg_stat\w*|pg_prepared_xacts|pg_sequences|pg_snapshot\w*|pg_current\w*|txid_\w+|last_value)\b", re.I
)
_ADVICE: Final = re.compile(r"\bpg_(?:try_)?advisory_\w+", re.IGNORECASE)

_OWN: Final = frozenset(
    {
        *("set", "reset", "show", "begin", "start", "savepoint", "release", "deallocate", "prepare", "explain"),
        *("close", "values"),
    }
)
_ENDS: Final = {"commit": Effect.COMMIT, "end": Effect.COMMIT, "abort": Effect.ROLLBACK}
_DEFINE: Final = frozenset({"create", "drop", "alter", "truncate", "lock", "comment", "grant", "revoke", "analyze"})
_ROWS: Final = frozenset({"select", "with", "table", "insert", "update", "delete", "merge"})
_UNTRIED: Final = {
    "copy": "COPY",
    "call": "CALL, whose statements are not told apart",
    "do": "DO, whose statements are not told apart",
    "execute": "EXECUTE, which does not say what it does",
}


@lru_cache(maxsize=4096)
def effect_of(sql: str) -> SqlEffect:
    """Return what a text does; several statements in one are told apart by nobody, so that is not tried."""
    text = _NOISE.sub(" '' ", sql).strip().rstrip("; \n\t")
    if not text:
        return SqlEffect(Effect.NOTHING)
    word = found[1].lower() if (found := _WORD.match(text)) else ""
    effect, untried = _effect(word, text)
    if ";" in text:
        effect, untried = Effect.EVERYTHING, [*untried, "several statements in one text"]
    own = {each.lower() for each in _WITH.findall(text)} if word == "with" else set[str]()
    changes = _names(_CHANGES.findall(text), own)
    reads = [each for each in _names([*_READS.findall(text), *_AND.findall(text)], own) if each not in changes]
    if effect is Effect.READ:
        effect = _of_reading(reads, text)
    if _CLOCKS.search(text) and (word != "insert" or _CHOOSES.search(text)):
        untried.append(f"{_CLOCKS.findall(text)[0].rstrip('( ')}, which the lab does not control")
    calls = {each.lower() for each in _CALLS.findall(_CHANGES.sub(" ", text))}
    return SqlEffect(
        effect,
        tuple(dict.fromkeys(reads)),
        tuple(dict.fromkeys(changes)),
        tuple(sorted(calls)) if word in _ROWS else (),
        tuple(untried),
        serializable="serializable" in sql.lower(),
        sets_timeout=bool(_TIMEOUTS.search(sql)),
        opens_savepoint=word == "savepoint",
    )


def _effect(word: str, text: str) -> tuple[Effect, list[str]]:
    """Return what a statement does that begins with a word, and what of it is not tried."""
    lower = text.lower()
    if _MESSAGES.search(text) and word in ("listen", "unlisten", "notify", "select"):
        return Effect.EVERYTHING, ["LISTEN and NOTIFY"]
    if word in ("commit", "rollback", "prepare") and re.search(r"\bprepared\b|\btransaction\s+''", lower):
        return Effect.EVERYTHING, ["two-phase commit"]
    if word in _UNTRIED:
        return Effect.EVERYTHING, [_UNTRIED[word]]
    if word == "rollback":
        return (Effect.BACK if re.search(r"\bto\b", lower) else Effect.ROLLBACK), []
    if word in _ENDS:
        return _ENDS[word], []
    if word == "discard":
        return Effect.ADVISE, []
    if word in _OWN and not lower.startswith("set constraints"):
        return (Effect.EVERYTHING if "analyze" in lower else Effect.NOTHING), []
    if word == "set":
        return Effect.CHANGE, []
    if word == "insert" and len(_DATA.findall(text)) == 1:
        return Effect.INSERT, []
    if word in _ROWS:
        return _of_rows(text, word), []
    return Effect.EVERYTHING, [] if word in _DEFINE else [f"the statement {word.upper()}"]


def _of_rows(text: str, word: str) -> Effect:
    if word in ("insert", "update", "delete", "merge") or (word == "with" and _DATA.search(text)):
        return Effect.CHANGE
    if _ADVICE.search(text):
        return Effect.ADVISE
    if _LOCKS.search(text):
        return Effect.LOCK
    return Effect.EVERYTHING if re.search(r"\binto\b", text, re.IGNORECASE) else Effect.READ


def _of_reading(reads: list[str], text: str) -> Effect:
    if _OF_OTHERS.search(text):
        return Effect.EVERYTHING
    if not reads:
        return Effect.NOTHING
    if set(reads) <= {"pg_type", "pg_range", "pg_namespace", "pg_attribute", "pg_enum"} and "pg_type" in reads:
        return Effect.NOTHING  # how drivers learn about types
    if all(each.startswith(("pg_", "information_schema.")) for each in reads):
        return Effect.CATALOG
    return Effect.READ


def _names(found: list[str], own: set[str]) -> list[str]:
    """Return the names of tables as people write them, but for those that the statement gives itself."""
    told = [each.replace('"', "").removeprefix("public.").removeprefix("pg_catalog.") for each in found]
    return [each for each in dict.fromkeys(told) if each.lower() not in own]
