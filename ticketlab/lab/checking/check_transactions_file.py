"""Judging files of transactions: read, held against a level of isolation, and told as a result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ticketlab.checker.budget import Budget, BudgetSpent
from ticketlab.checker.model import TRANSACTIONS
from ticketlab.checker.transactions.events import parse_transactions
from ticketlab.checker.transactions.history import TransactionHistory
from ticketlab.checker.transactions.isolation import check_transactions, level_named
from ticketlab.checker.transactions.levels import ISOLATION_LEVELS
from ticketlab.core.errors import unknown_name
from ticketlab.core.system.collecting import no_collection
from ticketlab.core.verdict import Verdict
from ticketlab.lab.checking.check_file import (
    LinesProgress,
    as_result,
    holds_transactions,
    memory_in_use,
    read_history_file,
)


def check_transactions_file(
    path: Path,
    isolation: str | None,
    *,
    seconds: float,
    megabytes: float,
    progress: LinesProgress | None = None,
    command: str = "",
) -> tuple[Verdict, dict[str, Any]]:
    """Judge the transactions in a file by a level of isolation, or that of the file, or as serializable.

    Raises:
        UsageError: the file cannot be read, the history is malformed, or there is no such level.
    """
    if isolation is not None and isolation not in ISOLATION_LEVELS:
        raise unknown_name("isolation level", isolation, ISOLATION_LEVELS)  # before a long file is read
    before = memory_in_use()
    try:
        with no_collection():
            history = load_transactions(path, progress, before + int(megabytes * 1_000_000))
            level = level_named(history.meta, isolation)
            left = megabytes - (memory_in_use() - before) / 1_000_000
            found = check_transactions(history, level, Budget(seconds, left, None, time.monotonic, memory_in_use))
    except BudgetSpent as spent:
        short = Verdict((), str(spent))
        return short, as_result(short, TRANSACTIONS, command) | {"budget_spent": True}
    result = as_result(found.verdict, TRANSACTIONS, command) | found.to_json()
    return found.verdict, result | ({"budget_spent": True} if found.budget_spent else {})


def load_transactions(path: Path, progress: LinesProgress | None, most: int) -> TransactionHistory:
    """Read transactions from a file; raises UsageError as `check_file` does, and BudgetSpent for `most` bytes."""

    def from_edn(text: str, look: Callable[[], None]) -> TransactionHistory:
        from ticketlab.lab.checking import edn  # seldom needed

        return edn.parse_edn_transactions(text, look)

    return read_history_file(path, progress, most, parse_transactions, from_edn)


def given_transactions(source: object, model: object) -> TransactionHistory | None:
    """Return the transactions of a file that holds some, or is said to; None of anything else.

    Raises:
        UsageError: the file cannot be read, or the history is malformed.
    """
    if not isinstance(source, str | Path):
        return None
    path = Path(source)
    if model == TRANSACTIONS or (model is None and holds_transactions(path)):
        return load_transactions(path, None, sys.maxsize)
    return None
