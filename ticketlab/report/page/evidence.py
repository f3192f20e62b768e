"""Evidence as the page shows it: each anomaly's sentence, and the operations that prove it as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ticketlab.core.history import asked_for
from ticketlab.report.document import Row, ShownAnomaly

_SHOWN: Final = 12
"""How many operations of one anomaly the page shows; it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A table of what belongs together; `left_out` says how many more rows there are, and is empty if none."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left_out: str = ""


_OPERATIONS: Final = ("who", "invoked at", "read and written", "returned at", "result")
_DEPENDENCIES: Final = ("first", "dependency", "then", "why")
_TRANSACTIONS: Final = ("transaction", "stands on", "process", "ended", "what it read and wrote")
_PEOPLE: Final = ("who", "what it did last", "how it ended")
_FAULTS: Final = ("who", "fault", "before", "schedules", "what came of it")


def proved(row: Row) -> Iterator[tuple[ShownAnomaly, Sequence[Proof]]]:
    """Yield each anomaly of a row with its tables; a table that another anomaly has shown is not repeated."""
    seen: list[Sequence[Sequence[str]]] = []
    for finding in row.findings:
        found = []
        for proof in proofs(finding, row.origin_ns):
            repeated = proof.rows in seen
            found.append(Proof(f"{proof.caption}: the same operations as above", (), ()) if repeated else proof)
            seen.append(proof.rows)
        yield finding, found


def came_of_faults(row: Row) -> Proof:
    """Return the table of an exploration's faults; it has no rows if there were none."""
    points = [(each.who, each.fault, each.before, f"{each.executions:,}", each.outcome) for each in row.fault_points]
    return Proof("faults, and what came of them", _FAULTS, points)


def proofs(finding: ShownAnomaly, origin_ns: int = 0) -> Iterator[Proof]:
    """Yield an anomaly's tables, times since an origin; evidence of an unknown form has none."""
    evidence = finding.evidence
    tickets = evidence.get("tickets")
    if isinstance(tickets, Mapping) and tickets:
        sold = {ticket: _operations(each) for ticket, each in tickets.items()}
        worst = max(sold, key=lambda ticket: len(sold[ticket]))
        others = f"; {len(sold) - 1} more tickets were sold several times" if len(sold) > 1 else ""
        yield _proof(f"the purchases that returned ticket {worst}{others}", sold[worst], origin_ns)
    operations = _operations(evidence.get("operations"))
    if operations:
        whole = evidence.get("size", len(operations))
        yield _proof("the operations that prove it", operations, origin_ns, whole if isinstance(whole, int) else 0)
    cycle = _operations(evidence.get("cycle"))
    if cycle:
        rows = [tuple(str(each.get(key, "")) for key in ("from", "dependency", "to", "why")) for each in cycle]
        yield Proof("the dependencies, each with its reason", _DEPENDENCIES, rows[:_SHOWN], _more(len(rows)))
    transactions = _operations(evidence.get("transactions"))
    if transactions:
        size, rows = evidence.get("size"), [_transaction_cells(each) for each in transactions]
        left_out = _more(size if isinstance(size, int) else len(rows))
        yield Proof("the transactions that prove it", _TRANSACTIONS, rows[:_SHOWN], left_out)
    people = [each for each in _list(evidence.get("participants")) if isinstance(each, Mapping)]
    if people:
        rows = [tuple(str(each.get(key, "")) for key in ("who", "last", "detail")) for each in people]
        yield Proof("the participants concerned", _PEOPLE, rows[:_SHOWN], _more(len(rows)))


def _proof(caption: str, operations: Sequence[Mapping[str, Any]], origin_ns: int, whole: int = 0) -> Proof:
    ordered = sorted(operations, key=lambda each: _number(each.get("invoke_ns", each.get("invoke_step"))))
    rows = [_cells(each, origin_ns) for each in ordered[:_SHOWN]]
    return Proof(caption, _OPERATIONS, rows, _more(max(whole, len(ordered))))


def _transaction_cells(each: Mapping[str, Any]) -> tuple[str, ...]:
    kind = next((kind for kind in ("line", "event") if kind in each), "")
    stands = f"{kind} {each[kind]}" if kind else ""
    return (str(each.get("name", "?")), stands, *(str(each.get(key, "")) for key in ("process", "type", "text")))


def _more(number: int) -> str:
    return f"{number - _SHOWN:,} more are not shown here; the result as JSON has them" if number > _SHOWN else ""


def _cells(operation: Mapping[str, Any], origin_ns: int) -> tuple[str, ...]:
    who = operation.get("process", "?")
    accesses = [each for each in _list(operation.get("accesses")) if isinstance(each, Mapping)]
    steps = [
        f"{each.get('action')}: {each.get('remaining')} left at {_time(each.get('ns'), origin_ns)}" for each in accesses
    ]
    asked = asked_for(str(operation.get("op", "")), operation.get("arg"))
    returned = _at(operation, "return", origin_ns)
    result = _result(operation) if returned else "none: it never returned"
    return (f"buyer {who}", _at(operation, "invoke", origin_ns), "; ".join(steps) or asked, returned, result)


def _at(operation: Mapping[str, Any], which: str, origin_ns: int) -> str:
    """Return when an operation was invoked or returned: a step of an exploration, or a time; empty if it was never."""
    step = operation.get(f"{which}_step")
    return _time(operation.get(f"{which}_ns"), origin_ns) if step is None else f"step {step}"


def _result(operation: Mapping[str, Any]) -> str:
    tickets = _list(operation.get("tickets"))
    if operation.get("error"):
        return str(operation["error"])
    if tickets:
        return f"ticket{'s' if len(tickets) > 1 else ''} {', '.join(map(str, tickets))}"
    return str(operation.get("result"))


def _time(ns: Any, origin_ns: int) -> str:
    """Return a time since the origin in milliseconds, with as many digits as a short one needs."""
    if ns is None:
        return ""
    since = (_number(ns) - origin_ns) / 1e6
    return f"{since:,.6f}".rstrip("0").rstrip(".") + " ms" if 0 < since < 0.01 else f"{since:,.2f} ms"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _operations(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in _list(value) if isinstance(each, Mapping)]
