"""Random small functions that use SQLite: what a search finds against all interleavings of their calls.

python -m tests.fuzz.function_sql --first 0 --count 100
"""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path
from random import Random
from typing import Final

from tests.fuzz.told_sql import report, run
from tests.probes.alchemy_scripts import ALCHEMY_LINES
from tests.probes.function_sql import explored_outcomes
from tests.probes.sql_scripts import Part, script_of
from tests.probes.sql_threads import TooManyError, all_outcomes

_CHANGES: Final = ("add", "double", "insert", "none", "upsert", "returning")
_BEGINS: Final = ("begin", "begin", "immediate", "exclusive", "save")
_ENDS: Final = ("commit", "COMMIT", "rollback", "ROLLBACK", "release")
_FAMILIES: Final[dict[str, tuple[str, ...]]] = {
    "plain": ("select", "all", *_CHANGES, "delete", "replace", "many", "in", "total"),
    "cursors": ("open", "open", "open more", "next", "rest", "shut", "drop", "reuse", "select", "add", "returning"),
    "returning": (
        "open returning",
        "open cte",
        "open more returning",
        "open",
        "next",
        "rest",
        "shut",
        "shut more",
        "add",
        "script",
        "open script",
        "none level",
        "deferred level",
        "reuse",
    ),
    "again": ("begin", "select", "COMMIT", "select", "add", "commit", "open constants", "rest", "explain", "all"),
    "logs": ("checkpoint", "full", "restart", "truncate", "open", "add", "begin", "select", "commit", "let go"),
    "conflicts": ("clash", "fail", "take back", "ignore", "upsert", "replace", "select", "with fail", "add", "open"),
    "savepoints": ("save", "back", "release", "add", "select", "begin", "commit", "rollback", "returning", "open"),
    "scripts": ("script", "safe script", "open script", "select", "commit", "add", "open", "with add", "with fail"),
    "levels": ("none level", "deferred level", "immediate level", "add", "select", "commit", "with add", "cte", "in"),
    "journals": ("wal", "wal", "rollback journal", "select", "add", "open", "begin", "commit", "checkpoint"),
    "tables": ("make", "make strictly", "unmake", "index", "column", "insert u", "select u", "add", "open", "all"),
    "files": ("attach", "attach", "detach", "select o", "add o", "copy", "open o", "add", "select", "commit"),
    "exclusive": ("exclusive", "vacuum", "open", "select", "add", "shut", "commit", "version", "set version"),
    "waits": ("no wait", "wait", "add", "open", "begin", "immediate", "select", "commit"),
    "others": ("second", "second add", "temp", "insert p", "uncommitted", "add", "select", "open", "open constants"),
}


def random_part(r: Random, timeout: float) -> Part:
    """Return a participant of a family of lines, in a style of transactions."""
    family = _FAMILIES[r.choice(list(_FAMILIES))]
    some = [r.choice(family) for _ in range(r.choice((2, 3, 3, 4)))]
    if any(name.endswith(" o") or name == "copy" for name in some) and "attach" not in some:
        some.insert(0, "attach")
    level = r.choice((None, None, None, "", "", "IMMEDIATE", "EXCLUSIVE"))
    style = r.choice(("alone", "alone", "whole", "ended", "spread"))
    if style == "whole":
        some = [r.choice(_BEGINS), *some[:2], r.choice(_ENDS), *some[3:]]
    elif style == "ended":
        some.append(r.choice(_ENDS))
    elif style == "spread":
        some[r.randrange(len(some))] = r.choice((*_BEGINS, *_ENDS))
    some += r.choice(((), ("close",), ("close",), ("shut all",)))
    pool = r.choice((None, None, "", "NullPool"))
    if pool is not None:
        some = [name for name in some if name in ALCHEMY_LINES]
    return Part(tuple(some), level, r.choice((timeout, timeout, 0.0)), pool)


def random_pair(seed: int) -> tuple[str, tuple[Part, Part]]:
    """Return a journal mode, and two participants whose time-outs end in a known order."""
    r = Random(seed)
    return r.choice(("delete", "wal")), (random_part(r, 5.0), random_part(r, 7.0))


def differs(seed: int, folder: Path) -> bool:
    """Compare the outcomes of one random pair of functions, and print what is missing or too much."""
    journal, parts = random_pair(seed)
    scripts = [script_of(part) for part in parts]
    told = f"{journal} {[tuple(part) for part in parts]}"
    with chdir(folder):
        try:
            wanted = all_outcomes(journal, scripts)
        except TooManyError:
            print(seed, told, "left out: too many interleavings")
            return False
    found = explored_outcomes(journal, scripts)
    claims = not found.untried
    return report(seed, f"{told} {found.executions} executions", found.outcomes, wanted, claims=claims)


if __name__ == "__main__":
    sys.exit(run(differs, __doc__))
