"""Results as text for a terminal: the verdict first, then the table, then what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ticketlab.core.result import Result
from ticketlab.core.text import join_words, pluralize
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.report.rows import tally

_SHOWN = 8
"""How many lines of one anomaly's evidence a terminal shows; it counts the others, which --json has."""

_LONGEST_COMMAND: Final = 64
_WIDE: Final = 100
_NARROW: Final = 80
_NARROWEST: Final = 60
_STORE_TITLES: Final = {"json": "JSON file", "sqlite": "SQLite", "manager": "Manager().dict", "private": "private dict"}


def print_tour(rows: Sequence[Result], console: Console) -> None:
    """Print several races: one line each, then one sentence for each store, then what to type next."""
    console.print(_headline(rows))
    for table in _tables(rows, console.width):
        console.print(table)
    console.print()
    for store, group in groupby(rows, key=lambda row: row.store):
        console.print(_sentence(store, list(group)))
    console.print(_next_of_story(rows))


def print_race(row: Result, console: Console) -> None:
    """Print one race: its line, the evidence for every anomaly, what the books say, and what to type next."""
    console.print(_headline([row]))
    for table in _tables([row], console.width):
        console.print(table)
    console.print()
    for line in _evidence(row.verdict.anomalies):
        console.print(line)
    for line in _faults(row):
        console.print(line)
    if row.books:
        console.print(_books(row))
    console.print(_next_of_race(row))


def verdict_text(verdict: Verdict, right: str = "books right") -> Text:
    """Return a verdict in a few words, `right` for a valid one; an undecided one never looks like a pass."""
    if verdict.valid is None:
        return Text(f"? undecided: {verdict.reason}", style="yellow")
    if verdict.valid:
        return Text(f"✓ {right}", style="green")
    return Text("✗ " + ", ".join(dict.fromkeys(anomaly.name for anomaly in verdict.anomalies)), style="red")


def _headline(rows: Sequence[Result]) -> Text:
    first = rows[0]
    setting = f"{pluralize(first.buyers, 'buyer')}, {pluralize(first.tickets, 'ticket')}"
    verdicts = [row.valid for row in rows]
    style = "red" if False in verdicts else "yellow" if None in verdicts else "green"
    told = tally(verdicts) if len(rows) > 1 else f"{first.strategy} on {first.store}: {verdict_text(first.verdict)}"
    return Text(f"{told}  ({setting})", style=f"bold {style}")


def _tables(rows: Sequence[Result], width: int) -> Iterator[Table]:
    """Yield one table, or two if it would be too wide: one of verdicts and one of metrics."""
    if width >= _NARROW:
        yield _table(rows, width, verdicts=True, metrics=True)
    else:
        yield _table(rows, width, verdicts=True)
        yield _table(rows, width, metrics=True)


def _table(rows: Sequence[Result], width: int, *, verdicts: bool = False, metrics: bool = False) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2 if width >= _WIDE else 1, 0, 0))
    for name, least in (("store", 7), ("strategy", 11), *((("sold", 8), ("verdict", 16)) if verdicts else ())):
        table.add_column(name, overflow="fold", min_width=least)
    for name in ("p50", "p99", "longest", "fair", "time") if metrics else ():
        table.add_column(name, justify="right", overflow="fold", no_wrap=width >= _NARROWEST)
    for row in rows:
        told = (f"{row.sold} of {row.tickets}", verdict_text(row.verdict)) if verdicts else ()
        table.add_row(row.store, row.strategy, *told, *(_metrics(row) if metrics else ()))
    return table


def _metrics(row: Result) -> list[str]:
    found = row.metrics
    if not found.longest_ms:  # no order was answered
        return ["-", "-", "-", "-", f"{found.wall_s:.2f} s"]
    times = [_ms(each) for each in (found.p50_ms, found.p99_ms, found.longest_ms)]
    return [*times, f"{found.fairness:.2f}", f"{found.wall_s:.2f} s"]


def _ms(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.3g} ms"


def _sentence(store: str, rows: Sequence[Result]) -> Text:
    """Say in one sentence what happened on a store."""
    bad = [row for row in rows if row.valid is False]
    good = [row.strategy for row in rows if row.valid]
    parts = []
    for row in bad:
        guard = "with nothing guarding it" if row.strategy == "none" else f"under {row.strategy}"
        names = dict.fromkeys(anomaly.name for anomaly in row.verdict.anomalies)
        were = "was" if row.buyers == 1 else "were"
        sold = f"{pluralize(row.buyers, 'buyer')} {were} sold {row.sold} of {pluralize(row.tickets, 'ticket')}"
        parts.append(
            f"{guard}, {sold} ({', '.join(names)})" if row.sold > row.tickets else f"{guard}: {', '.join(names)}"
        )
    if good:
        verb = "keeps" if len(good) == 1 else "keep"
        parts.append(f"{join_words(good)} {verb} the books right")
    unsure = [row.strategy for row in rows if row.valid is None]
    if unsure:
        parts.append(f"{join_words(unsure)} could not be decided")
    return Text.assemble((f"{store_title(store)}: ", "bold"), "; ".join(parts) + ".")


def store_title(store: str) -> str:
    """Return what a store is called in a sentence."""
    return _STORE_TITLES.get(store.partition(":")[0], store)


def _next_of_story(rows: Sequence[Result]) -> RenderableType:
    worst = next((row for row in rows if row.valid is False), rows[0])
    return next_steps(
        {
            worst.command: "the evidence: who read what, and when",
            "ticketlab strategies": "what runs on what, and why not",
        }
    )


def _next_of_race(row: Result) -> RenderableType:
    if row.valid is False:
        return next_steps({f"ticketlab race --store {row.store}": "see the cures", row.command: "run this again"})
    here = f"--store {row.store} --strategy"
    unguarded = {f"ticketlab race {here} none": "see it unguarded"} if row.strategy != "none" else {}
    explored = {f"ticketlab explore {here} {row.strategy}": "try one schedule after another, not just this one"}
    return next_steps({**unguarded, **explored, row.command: "run this again"})


def next_steps(commands: Mapping[str, str]) -> RenderableType:
    """Return commands to type next, a line each, with their purposes, which line up beside all but long commands."""
    column = max((len(command) for command in commands if len(command) <= _LONGEST_COMMAND), default=0)
    lines = [
        Text.assemble("  ", (command, "cyan"), " " * (column - len(command)), f"   # {why}")
        for command, why in commands.items()
    ]
    return Group(Text("Next:", style="dim"), *lines)


def _evidence(anomalies: Sequence[Anomaly]) -> Iterator[RenderableType]:
    """Show each anomaly's sentence, and under it the operations that prove it, if they are not shown already."""
    shown: set[tuple[int, int]] = set()
    for anomaly in sorted(anomalies, key=lambda each: "tickets" not in each.evidence):
        yield Text.assemble((f"✗ {anomaly.name}", "bold red"), f": {anomaly.sentence}")
        operations = anomaly.evidence.get("operations", ())
        by_ticket = anomaly.evidence.get("tickets")
        if isinstance(by_ticket, Mapping):
            worst = max(by_ticket, key=lambda ticket: len(by_ticket[ticket]))
            operations = by_ticket[worst]
            yield Text(f"  who was told that ticket {worst} is theirs:", style="dim")
        keys = {(each["process"], each["invoke_ns"]) for each in operations}
        if not keys <= shown:
            yield from _operations(operations)
            shown |= keys
        for each in list(anomaly.evidence.get("participants", ()))[:_SHOWN]:
            yield Text(f"  {each['who']}: {each['detail']}; it {each['last']}")


def _faults(row: Result) -> Iterator[Text]:
    """Say which faults were injected, how long recovery took, and what was left behind."""
    for each in row.injected[:_SHOWN]:
        held = f", holding {join_words(each['held'])}" if each["held"] else ""
        yield Text(f"† {each['who']}: {each['fault']} before {each['before']} at {each['at_ms']:.2f} ms{held}")
    if len(row.injected) > _SHOWN:
        yield Text(f"  and {len(row.injected) - _SHOWN} more faults (--json has them all)", style="dim")
    if row.metrics.recovery_ms:
        yield Text(f"Every lock that a victim had held was taken again within {_ms(row.metrics.recovery_ms)}.")
    if row.left_behind:
        yield Text(f"Left behind: {join_words(list(row.left_behind))}.")


def _operations(operations: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    ordered = sorted(operations, key=lambda each: each["invoke_ns"])
    lines: list[RenderableType] = [Text(f"  {_told(each)}") for each in ordered[:_SHOWN]]
    if len(ordered) > _SHOWN:
        lines.append(Text(f"  and {len(ordered) - _SHOWN} more (--json has them all)", style="dim"))
    return lines


def _told(operation: Mapping[str, Any]) -> str:
    """Say what one buyer read and wrote, what it was told, and when."""
    steps = [
        f"{_past(each['action'])} {each['remaining']} left at {_at(each['ns'])}"
        for each in operation.get("accesses", ())
    ]
    path = ", ".join([f"asked at {_at(operation['invoke_ns'])}", *steps])
    if operation["return_ns"] is None:
        end = "and never heard back"
    elif operation["result"] == "ok":
        tickets = [str(ticket) for ticket in operation.get("tickets", ())]
        noun = "tickets" if len(tickets) > 1 else "ticket"
        end = f"and at {_at(operation['return_ns'])} was told: {noun} {join_words(tickets)}"
    else:
        told = operation.get("error") or operation["result"]
        end = f"and at {_at(operation['return_ns'])} was told: {told}"
    return f"buyer {operation['process']} {path}, {end}"


def _past(action: str) -> str:
    return "read" if action == "read" else "wrote"


def _at(ns: int) -> str:
    return f"{ns / 1e6:.2f} ms"


def _books(row: Result) -> Text:
    stocks = row.books["stocks"].values()
    lines = [f"{stock['issued']} issued and {stock['remaining']} left in {stock['section']!r}" for stock in stocks]
    ledger = row.books["ledger"]
    listed = sum(len(entry["tickets"]) for entry in ledger or () if not entry["cancels"])
    told = "" if ledger is None else f"; the ledger lists {pluralize(listed, 'ticket')}"
    return Text.assemble(("The books say: ", "bold"), f"{'; '.join(lines)}{told}. Buyers were told of {row.sold} sold.")
