"""Histories: what every process asked, what it was told, and when, by one monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Arg = int | str | list[Any] | None
Result = int | str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, from its invocation to its return.

    `return_ns` is None where the process never heard back: the operation may have taken effect at any time after its
    invocation, or never. So may one with the result "unknown", whose process gave up waiting at `return_ns`. A result
    of "failed" says that it certainly had no effect; `error` says why. `accesses` are what it did on its way: the time,
    the action, and the count that it read or wrote.
    """

    process: int
    op: str
    arg: Arg
    result: Result
    invoke_ns: int
    return_ns: int | None
    section: str = ""
    tickets: tuple[int, ...] = ()
    error: str = ""
    accesses: tuple[tuple[int, str, int], ...] = ()

    @property
    def sold(self) -> int:
        """How many tickets the process was told that it has bought."""
        return 0 if self.op == "cancel" else len(self.tickets)

    @property
    def unknown(self) -> bool:
        """Whether the process never heard back."""
        return self.return_ns is None or self.result == "unknown"


@dataclass(frozen=True, slots=True)
class History:
    """All operations of one run; `meta` names the model they are judged by and its parameters."""

    meta: Mapping[str, Any]
    operations: tuple[Operation, ...] = field(default=())
