"""What a statement is by its text alone, since nobody may look into the database before its turn."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple


class Verb(Enum):
    """What a statement does to the databases that a connection has open."""

    NOTHING = "nothing"  # or what only its own connection notices
    READ = "read"
    CHANGE = "change"
    DEFINE = "define"  # it changes what tables there are
    EXCLUDE = "exclude"  # it needs the whole database for itself
    BEGIN = "begin"
    COMMIT = "commit"
    RELEASE = "release"  # a savepoint: if that began the transaction, it commits
    ROLLBACK = "rollback"
    ATTACH = "attach"
    DETACH = "detach"


class Statement(NamedTuple):
    """A statement: its verb, and what else its text says.

    `mode` is that of a BEGIN, `begins` says that the driver begins a transaction before it, `returns` that it changes
    rows and returns them, `setting` is the name of a PRAGMA and `argument` what that is set to. `explains` says that it
    is not done but explained.
    """

    verb: Verb
    mode: str = ""
    begins: bool = False
    returns: bool = False
    setting: str = ""
    argument: str = ""
    explains: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether SQLite does not tell which tables it touches as it is done."""
        return self.verb not in (Verb.READ, Verb.CHANGE) or bool(self.setting) or self.explains


_BLANK: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))*", re.DOTALL)
_WORD: Final = re.compile(r"[a-z]+", re.IGNORECASE)
_CHANGES: Final = re.compile(r"\b(?:insert|update|delete|replace)\b", re.IGNORECASE)
_RETURNS: Final = re.compile(r"\breturning\b", re.IGNORECASE)
_MODE: Final = re.compile(r"begin\s+(\w+)", re.IGNORECASE)
_BACK_TO: Final = re.compile(r"rollback(\s+transaction)?\s+to\b", re.IGNORECASE)
_COMMENT: Final = re.compile(r"--[^\n]*|/\*.*?(?:\*/|$)", re.DOTALL)
_NAME: Final = r"""["'`\[]?(\w+)["'`\]]?"""
_SETTING: Final = re.compile(
    rf"""pragma\s*(?:{_NAME}\s*\.\s*)?{_NAME}\s*(?:[=(]\s*["'`\[]?([-+\w.]+))?""", re.IGNORECASE
)
_BEGUN_FOR: Final = frozenset({"insert", "update", "delete", "replace"})
_VERBS: Final = {
    **dict.fromkeys(("select", "values", "explain"), Verb.READ),
    **dict.fromkeys(_BEGUN_FOR, Verb.CHANGE),
    **dict.fromkeys(("create", "drop", "alter", "reindex", "analyze"), Verb.DEFINE),
    **dict.fromkeys(("commit", "end"), Verb.COMMIT),
    "vacuum": Verb.EXCLUDE,
    "release": Verb.RELEASE,
    "attach": Verb.ATTACH,
    "detach": Verb.DETACH,
}
_OWN: Final = frozenset(
    {
        *("analysis_limit", "automatic_index", "busy_timeout", "case_sensitive_like"),
        *("cell_size_check", "collation_list", "compile_options", "database_list"),
        *("defer_foreign_keys", "foreign_keys", "full_column_names", "fullfsync"),
        *("function_list", "hard_heap_limit", "ignore_check_constraints", "legacy_alter_table"),
        *("module_list", "pragma_list", "query_only", "read_uncommitted"),
        *("recursive_triggers", "reverse_unordered_selects", "short_column_names", "soft_heap_limit"),
        *("temp_store", "threads", "trusted_schema", "wal_autocheckpoint"),
    }
)
"""Settings that only their own connection notices."""
_DEFINED: Final = frozenset({"application_id", "schema_version", "user_version"})
_EXCLUDING: Final = frozenset({"auto_vacuum", "encoding", "journal_mode", "locking_mode", "page_size"})
_ALWAYS_EXCLUDING: Final = frozenset({"incremental_vacuum", "optimize", "wal_checkpoint"})


@lru_cache(maxsize=1024)
def parsed(sql: str) -> Statement:
    """Return what a text says; of several statements in it, what the first one says."""
    text = sql[_blank_until(sql) :]
    word = found[0].lower() if (found := _WORD.match(text)) else ""
    if word in ("pragma", "begin", "rollback"):
        text = _COMMENT.sub(" ", text)
    if word == "pragma":
        return _setting(text)
    if word == "begin":
        mode = found[1].lower() if (found := _MODE.match(text)) else "deferred"
        return Statement(Verb.BEGIN, mode=mode if mode in ("immediate", "exclusive") else "deferred")
    if word == "rollback":
        return Statement(Verb.NOTHING if _BACK_TO.match(text) else Verb.ROLLBACK)
    if word == "with":
        verb = Verb.CHANGE if _CHANGES.search(text) else Verb.READ
        return Statement(verb, returns=verb is Verb.CHANGE and bool(_RETURNS.search(text)))
    verb = _VERBS.get(word, Verb.NOTHING)
    returns = verb is Verb.CHANGE and bool(_RETURNS.search(text))
    return Statement(verb, begins=word in _BEGUN_FOR, returns=returns, explains=word == "explain")


def _blank_until(sql: str) -> int:
    found = _BLANK.match(sql)
    return found.end() if found else 0


def _setting(text: str) -> Statement:
    found = _SETTING.match(text)
    name, argument = (found[2].lower(), found[3] or "") if found else ("", "")
    if name in _OWN:
        verb = Verb.NOTHING
    elif name in _ALWAYS_EXCLUDING or (argument and name in _EXCLUDING):
        verb = Verb.EXCLUDE
    else:
        verb = Verb.DEFINE if argument and name in _DEFINED else Verb.READ
    return Statement(verb, setting=name, argument=argument)


def split(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one."""
    piece = ""
    for part in re.split(r"(?<=;)", script):
        piece += part
        if sqlite3.complete_statement(piece):
            yield piece
            piece = ""
    if piece[_blank_until(piece) :]:
        yield piece
