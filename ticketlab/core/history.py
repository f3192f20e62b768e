"""Histories: what every process invoked, what that returned, and when, by one monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Arg = int | str | list[Any] | None
Answer = int | str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, from its invocation to its return.

    `return_ns` is None if the operation never returned: it may have taken effect at any time after its
    invocation, or never. The same holds for the result "unknown", whose process gave up waiting at `return_ns`. The
    result "failed" says that the operation certainly had no effect. `error` says why an operation failed, and
    `error_kind` is the class of that error. `accesses` are the reads and writes on the way: the time, the action, and
    the count that was read or written.
    """

    process: int
    op: str
    arg: Arg
    result: Answer
    invoke_ns: int
    return_ns: int | None
    section: str = ""
    tickets: tuple[int, ...] = ()
    error: str = ""
    error_kind: str = ""
    accesses: tuple[tuple[int, str, int], ...] = ()

    @property
    def sold(self) -> int:
        """How many tickets the operation returned as bought."""
        return 0 if self.op == "cancel" else len(self.tickets)

    def widened(self, error_ns: int) -> Operation:
        """Return the operation with the longest time that it may have taken, if each of its times may be wrong."""
        if not error_ns:
            return self
        returned = None if self.return_ns is None else self.return_ns + error_ns
        return replace(self, invoke_ns=self.invoke_ns - error_ns, return_ns=returned)

    @property
    def unknown(self) -> bool:
        """Whether the operation never returned."""
        return self.return_ns is None or self.result == "unknown"

    @property
    def failure(self) -> str:
        """The error with its kind: "TornRead: inventory.json held 0 bytes"; empty if there was none."""
        return ": ".join(filter(None, (self.error_kind, self.error)))

    def to_json(self) -> dict[str, Any]:
        """Return the operation as its line in a history; what has its default is left out."""
        line: dict[str, Any] = {"process": self.process, "op": self.op, "arg": self.arg, "result": self.result}
        line |= {"invoke_ns": self.invoke_ns, "return_ns": self.return_ns}
        line |= {"section": self.section} if self.section else {}
        line |= {"tickets": list(self.tickets)} if self.tickets else {}
        return line | ({"error": self.failure} if self.failure else {})

    def evidence(self) -> dict[str, Any]:
        """Return the operation as the evidence of an anomaly shows it: its line, and its reads and writes."""
        seen = [{"ns": ns, "action": action, "remaining": count} for ns, action, count in self.accesses]
        return self.to_json() | ({"accesses": seen} if seen else {})


def asked_for(op: str, arg: object) -> str:
    """Return an operation without its answer: "buy 1", "hold 2 for 30 s"."""
    if op == "hold" and isinstance(arg, list | tuple) and len(arg) == 2 and isinstance(arg[1], int):
        return f"hold {arg[0]} for {arg[1] / 1e9:g} s"
    return op if arg is None else f"{op} {arg}"


@dataclass(frozen=True, slots=True)
class History:
    """All operations of one run; `meta` names the model they are judged by and its parameters."""

    meta: Mapping[str, Any]
    operations: tuple[Operation, ...] = field(default=())
