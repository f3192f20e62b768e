"""Sentences about transactions: each is true of the history by itself, in every number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ticketlab.checker.transactions.history import APPEND, READ, MicroOp, TransactionHistory, TransactionRecord
from ticketlab.core.text import join_some
from ticketlab.core.verdict import Anomaly

_SHOWN: Final = 100
"""How many transactions the evidence gives in full; `size` always tells how many there are."""
_ENDS: Final = 3  # elements at each end of a long list
_LONGEST: Final = 12
_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class CycleEdge:
    """One dependency of a cycle: who depends on whom by what, and why that is so. Transactions are indexes."""

    source: int
    target: int
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class FoundAnomaly:
    """An anomaly, the weakest levels that forbid it, and the transactions that prove it; for a cycle its edges.

    `least` says that no smaller proof was left out: no shorter cycle in the same component, or no smaller set.
    """

    name: str
    forbidden_by: Sequence[str]
    sentence: str
    members: Sequence[int]
    cycle: Sequence[CycleEdge] = ()
    least: bool = True

    def anomaly(self, history: TransactionHistory) -> Anomaly:
        """Return it as an anomaly, with its transactions as they stand in the history."""
        every = history.transactions
        evidence: dict[str, Any] = {"size": len(self.members), "minimal": self.least}
        evidence["transactions"] = [evidence_of(every[each], history.place) for each in self.members[:_SHOWN]]
        if len(self.members) > _SHOWN:
            evidence["shown"] = _SHOWN
            evidence["rows"] = [every[each].number for each in self.members]
        if self.cycle:
            evidence["cycle"] = [
                {"from": every[e.source].name, "to": every[e.target].name, "dependency": e.kind, "why": e.why}
                for e in self.cycle
            ]
        return Anomaly(self.name, self.sentence, evidence)


def evidence_of(transaction: TransactionRecord, place: str) -> dict[str, Any]:
    """Return a transaction as evidence: its name, its place, and its accesses as in the history."""
    return {
        "name": transaction.name,
        place: transaction.number,
        "process": transaction.process,
        "type": transaction.status,
        "value": [list(op) for op in transaction.ops],
        "text": " ".join(access_text(op, transaction.status) for op in transaction.ops),
    }


def access_text(op: MicroOp, status: str) -> str:
    """Return one access in short: `r x [1 2]`; what a transaction that did not end well read is unknown."""
    said = "?" if op.f == READ and status != "ok" else value_text(op.value)
    return f"[{op.f} {key_text(op.key)} {said}]"


def value_text(value: Any) -> str:
    """Return a value as sentences show it; of a long list its beginning and its end."""
    if value is None:
        return "null"
    if not isinstance(value, list | tuple):
        return key_text(value)
    parts = [key_text(each) for each in value]
    if len(parts) > _LONGEST:
        parts = [*parts[:_ENDS], f"...{len(parts) - 2 * _ENDS:,} more...", *parts[-_ENDS:]]
    return f"[{' '.join(parts)}]"


def key_text(key: Any) -> str:
    """Return a key or an element as sentences show it; a long text is cut."""
    text = str(key)
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}..."


def transaction_names(history: TransactionHistory, members: Sequence[int], most: int = 6) -> str:
    """Return transactions by their names: "T3, T5 and T9"."""
    return join_some([history.transactions[each].name for each in members], most)


def cycle_line(history: TransactionHistory, cycle: Sequence[CycleEdge]) -> str:
    """Return a cycle in one line: `T1 -rw-> T2 -rw-> T1`."""
    every = history.transactions
    return every[cycle[0].source].name + "".join(f" -{edge.kind}-> {every[edge.target].name}" for edge in cycle)


def wrote(transaction: TransactionRecord, value: Any, key: Any) -> str:
    """Say what a transaction wrote, in the past: "T1 appended 3 to x", "T1 wrote 3 to x"."""
    appended = any(op.f == APPEND for op in transaction.ops)
    return f"{transaction.name} {'appended' if appended else 'wrote'} {value_text(value)} to {key_text(key)}"
