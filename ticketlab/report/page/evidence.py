"""Evidence as the page shows it: each anomaly's sentence, and the operations that prove it as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ticketlab.report.document import ShownAnomaly

_SHOWN: Final = 12
"""How many operations of one anomaly the page shows; it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A table of operations that belong together; `left_out` says how many more there are, and is empty if none."""

    caption: str
    rows: Sequence[Sequence[str]]
    left_out: str = ""


COLUMNS: Final = ("who", "asked at", "what was read and written", "heard at", "was told")


def proved(findings: Sequence[ShownAnomaly]) -> Iterator[tuple[ShownAnomaly, Sequence[Proof]]]:
    """Yield each anomaly with its tables; a table that another anomaly has shown is not repeated."""
    seen: list[Sequence[Sequence[str]]] = []
    for finding in findings:
        found = []
        for proof in proofs(finding):
            repeated = proof.rows in seen
            found.append(Proof(f"{proof.caption}: the same operations as above", ()) if repeated else proof)
            seen.append(proof.rows)
        yield finding, found


def proofs(finding: ShownAnomaly) -> Iterator[Proof]:
    """Yield an anomaly's tables; evidence of an unknown form has none."""
    evidence = finding.evidence
    tickets = evidence.get("tickets")
    if isinstance(tickets, Mapping) and tickets:
        sold = {ticket: _operations(each) for ticket, each in tickets.items()}
        worst = max(sold, key=lambda ticket: len(sold[ticket]))
        others = f"; {len(sold) - 1} more tickets were sold several times" if len(sold) > 1 else ""
        yield _proof(f"who was told that ticket {worst} is theirs{others}", sold[worst])
    operations = _operations(evidence.get("operations"))
    if operations:
        whole = evidence.get("size", len(operations))
        yield _proof("the operations that prove it", operations, whole if isinstance(whole, int) else 0)
    people = [each for each in _list(evidence.get("participants")) if isinstance(each, Mapping)]
    if people:
        rows = [
            (str(each.get("who", "")), "", str(each.get("last", "")), "", str(each.get("detail", "")))
            for each in people
        ]
        yield Proof("the participants concerned", rows[:_SHOWN], _more(len(rows)))


def _proof(caption: str, operations: Sequence[Mapping[str, Any]], whole: int = 0) -> Proof:
    ordered = sorted(operations, key=lambda each: _ns(each.get("invoke_ns")))
    return Proof(caption, [_cells(each) for each in ordered[:_SHOWN]], _more(max(whole, len(ordered))))


def _more(number: int) -> str:
    return f"{number - _SHOWN:,} more are not shown here; the result as JSON has them" if number > _SHOWN else ""


def _cells(operation: Mapping[str, Any]) -> tuple[str, ...]:
    who = operation.get("process", "?")
    accesses = [each for each in _list(operation.get("accesses")) if isinstance(each, Mapping)]
    steps = [f"{each.get('action')}: {each.get('remaining')} left at {_at(each.get('ns'))}" for each in accesses]
    returned = operation.get("return_ns")
    asked = f"{operation.get('op', '')} {'' if operation.get('arg') is None else operation['arg']}".strip()
    told = _told(operation) if returned is not None else "nothing: it never heard back"
    return (f"buyer {who}", _at(operation.get("invoke_ns")), "; ".join(steps) or asked, _at(returned), told)


def _told(operation: Mapping[str, Any]) -> str:
    tickets = _list(operation.get("tickets"))
    if operation.get("error"):
        return str(operation["error"])
    if tickets:
        return f"ticket{'s' if len(tickets) > 1 else ''} {', '.join(map(str, tickets))}"
    return str(operation.get("result"))


def _at(ns: Any) -> str:
    """Return a time in milliseconds, or in nanoseconds if it is so short that it must be virtual time."""
    if ns is None:
        return ""
    return f"{_ns(ns) / 1e6:,.2f} ms" if _ns(ns) >= 10_000 else f"{_ns(ns):,.0f} ns"


def _ns(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _operations(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in _list(value) if isinstance(each, Mapping)]
