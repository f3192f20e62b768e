"""Transactions in memory: what each read, wrote and appended, and how it ended."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

OK: Final = "ok"
FAIL: Final = "fail"
INFO: Final = "info"
READ: Final = "r"
WRITE: Final = "w"
APPEND: Final = "append"


class MicroOp(NamedTuple):
    """One access of a transaction: its kind, the key, and the value that was written, appended or read."""

    f: str
    key: Hashable
    value: Any


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """One transaction.

    `number` is the line or event that completed it, or that invoked it if it never completed. `status` is `OK`, `FAIL`
    (it certainly did not happen) or `INFO` (it may have happened, and may still). `invoked` and `completed` are places
    in the order of events, and None if nobody recorded that, or the transaction may take effect at any later time.
    """

    number: int
    process: int
    status: str
    ops: Sequence[MicroOp]
    invoked: int | None
    completed: int | None

    @property
    def name(self) -> str:
        """The name in sentences: `T` and its line."""
        return f"T{self.number}"


@dataclass(frozen=True, slots=True)
class TransactionHistory:
    """Transactions in the order of their numbers.

    `lists` says whether they append to lists; otherwise they write registers. `place` is what numbers count: "line" or
    "event".
    """

    transactions: Sequence[TransactionRecord]
    lists: bool
    place: str = "line"
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def timed(self) -> bool:
        """Whether it is known of every transaction when it was invoked."""
        return all(each.invoked is not None for each in self.transactions)
