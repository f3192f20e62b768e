"""Two buyers who were sold the same ticket, side by side, and the one sentence that says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ticketlab.core.result import Result
from ticketlab.core.verdict import Anomaly

_Operation = Mapping[str, Any]
_COMPARED = 20  # operations of a ticket that are looked at for two that read the same


class SameTicket(NamedTuple):
    """Two operations that read the same count, and were sold the same ticket."""

    first: _Operation
    second: _Operation
    ticket: str
    remaining: Any


def same_ticket(anomalies: Sequence[Anomaly]) -> SameTicket | None:
    """Return the first two buyers that read the same count and were sold the same ticket, if there are two."""
    for anomaly in anomalies:
        by_ticket = anomaly.evidence.get("tickets")
        for ticket, operations in by_ticket.items() if isinstance(by_ticket, Mapping) else ():
            told = [each for each in operations if each["result"] == "ok" and each.get("accesses")]
            for one, other in combinations(sorted(told, key=lambda each: each["invoke_ns"])[:_COMPARED], 2):
                if one["process"] != other["process"] and (read := _read(one)) is not None and read == _read(other):
                    return SameTicket(one, other, str(ticket), read)
    return None


def _read(operation: _Operation) -> Any:
    """Return the count that an operation read last before it wrote; None if it read none."""
    found = None
    for each in operation["accesses"]:
        if each["action"] != "read":
            break
        found = each["remaining"]
    return found


def why_sentence(row: Result) -> str:
    """Say in one clause why a race ended as it did: by its parts, or by two buyers; empty if neither tells."""
    if row.because:
        return row.because
    pair = same_ticket(row.verdict.anomalies)
    if pair is not None:
        who = f"buyers {pair.first['process']} and {pair.second['process']}"
        return f"{who} both read {pair.remaining} left, so both bought ticket {pair.ticket}"
    if any(anomaly.name == "torn read" for anomaly in row.verdict.anomalies):
        return "a buyer read while another was writing"
    return ""


def side_by_side(pair: SameTicket) -> RenderableType:
    """Return what the two read and wrote, and their results, in the order of time, with a column for each."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    table.add_column("", justify="right", style="dim", no_wrap=True)
    for each in (pair.first, pair.second):
        table.add_column(f"buyer {each['process']}", no_wrap=True)
    events = sorted([*_events(pair.first, 1), *_events(pair.second, 2)], key=lambda event: event[0])
    for ns, lane, text in events:
        table.add_row(f"{ns / 1e6:.2f} ms", *(text if lane == column else "" for column in (1, 2)))
    return table


def _events(operation: _Operation, lane: int) -> Iterator[tuple[int, int, Text]]:
    for each in operation["accesses"]:
        done = "reads" if each["action"] == "read" else "writes"
        yield each["ns"], lane, Text(f"{done} {each['remaining']} left")
    tickets = ", ".join(map(str, operation["tickets"]))
    yield operation["return_ns"], lane, Text(f"result: ticket {tickets}", style="bold red")
