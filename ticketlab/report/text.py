"""Results as text for a terminal: the verdict first, then the table, then what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.text import Text

from ticketlab.core.result import Result
from ticketlab.core.text import join_words, pluralize
from ticketlab.core.verdict import Anomaly, all_valid
from ticketlab.report.race_table import milliseconds_text, race_tables, race_verdict
from ticketlab.report.rows import tally
from ticketlab.report.two_buyers import same_ticket, side_by_side, why_sentence

_SHOWN = 8
"""How many lines of one anomaly's evidence a terminal shows; it counts the others, which --json has."""

_LONGEST_COMMAND: Final = 64
_STORE_TITLES: Final = {"json": "JSON file", "sqlite": "SQLite", "manager": "Manager().dict", "private": "private dict"}


def print_tour(rows: Sequence[Result], following: Mapping[str, str], console: Console) -> None:
    """Print several races: one line each, then one sentence for each store, then the commands to type next."""
    console.print(_headline_of_tour(rows))
    for part in race_tables(rows, console.width):
        console.print(part)
    console.print()
    for store, group in groupby(rows, key=lambda row: row.store):
        for line in _told_of_store(store, list(group)):
            console.print(line)
    if injected := sum(len(row.injected) for row in rows):
        console.print(f"{pluralize(injected, 'fault')} came at random: --json and --html have each victim and time.")
    console.print(next_steps(following))


def print_race(row: Result, following: Mapping[str, str], console: Console, *, evidence: bool = False) -> None:
    """Print one race: its line, two buyers side by side, why, what the books say, and the commands to type next.

    With `evidence`, all operations that prove the anomalies are shown in place of two buyers.
    """
    told = race_verdict(row)
    console.print(Text(f"{row.strategy} on {row.store}: {told}  ({_setting(row)})", style=f"bold {told.style}"))
    for part in race_tables([row], console.width):
        console.print(part)
    console.print()
    for line in _evidence(row.verdict.anomalies) if evidence else _screen(row):
        console.print(line)
    for line in _faults(row):
        console.print(line)
    if row.books:
        console.print(_books(row))
    for note in row.notes:
        console.print(f"{note[0].upper()}{note[1:]}.")
    console.print(next_steps(following))


def _screen(row: Result) -> Iterator[RenderableType]:
    """Show two buyers that went wrong together, if there are two, then why, and each anomaly in a sentence."""
    pair = same_ticket(row.verdict.anomalies)
    if pair is not None:
        yield side_by_side(pair)
        yield Text()
    if why := why_sentence(row):
        yield Text.assemble(("Why: ", "bold"), f"{why}.")
    for anomaly in row.verdict.anomalies:
        yield Text.assemble((f"✗ {anomaly.name}", "bold red"), f": {anomaly.sentence}")


def _headline_of_tour(rows: Sequence[Result]) -> Text:
    valid = all_valid(row.valid for row in rows if row.claims_safety)
    style = {True: "green", False: "red", None: "yellow"}[valid]
    told = tally([(row.valid, row.claims_safety) for row in rows])
    return Text(f"{told}  ({_setting(rows[0])})", style=f"bold {style}")


def _setting(row: Result) -> str:
    return f"{pluralize(row.buyers, 'buyer')}, {pluralize(row.tickets, 'ticket')}"


def _told_of_store(store: str, rows: Sequence[Result]) -> Iterator[Text]:
    """Say what happened on a store, and why: a line for each race that went wrong, and each reason of the others."""
    yield Text(store_title(store), style="bold")
    for row in rows:
        if row.valid is False:
            yield Text.assemble(("  ✗ ", "red"), _wrong(row))
    good = [row for row in rows if row.valid and row.claims_safety]
    for reason in dict.fromkeys(row.because for row in good):
        kept = join_words([row.strategy for row in good if row.because == reason])
        yield Text.assemble(("  ✓ ", "green"), f"{kept}: {reason or 'the books are right'}.")
    if lucky := [row.strategy for row in rows if row.valid and not row.claims_safety]:
        yield Text.assemble(("  ? ", "yellow"), f"{join_words(lucky)}: correct by luck.")
    if unsure := [row.strategy for row in rows if row.valid is None]:
        yield Text.assemble(("  ? ", "yellow"), f"{join_words(unsure)}: could not be decided.")


def _wrong(row: Result) -> str:
    """Say how many tickets were sold, or what else went wrong, and why."""
    were = "was" if row.buyers == 1 else "were"
    sold = f"{pluralize(row.buyers, 'buyer')} {were} sold {row.sold} of {pluralize(row.tickets, 'ticket')}"
    names = ", ".join(dict.fromkeys(anomaly.name for anomaly in row.verdict.anomalies))
    why = why_sentence(row)
    return f"{row.strategy}: {sold if row.sold > row.tickets else names}{f': {why}' if why else ''}."


def store_title(store: str) -> str:
    """Return what a store is called in a sentence."""
    return _STORE_TITLES.get(store.partition(":")[0], store)


def next_steps(commands: Mapping[str, str]) -> RenderableType:
    """Return commands to type next, a line each, with their purposes, which line up beside all but long commands.

    A command is never broken into lines, so that it can be copied: a terminal wraps it, if it is too narrow.
    """
    if not commands:
        return Group()
    column = max((len(command) for command in commands if len(command) <= _LONGEST_COMMAND), default=0)
    lines = [
        Text.assemble("  ", (command, "cyan"), " " * (column - len(command)), f"   # {why}", overflow="ignore")
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
            yield Text(f"  the purchases that returned ticket {worst}:", style="dim")
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
        what = f"{each['fault']} before {each['before']} at {each['at_ms']:.2f} ms{held}"
        yield Text(f"† fault injected into {each['who']}: {what}")
    if len(row.injected) > _SHOWN:
        yield Text(f"  and {len(row.injected) - _SHOWN} more faults (--json has them all)", style="dim")
    if row.metrics.recovery_ms:
        yield Text(
            f"Every lock that a victim had held was taken again within {milliseconds_text(row.metrics.recovery_ms)}."
        )
    if row.left_behind:
        yield Text(f"Left behind: {join_words(list(row.left_behind))}.")


def _operations(operations: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    ordered = sorted(operations, key=lambda each: each["invoke_ns"])
    lines: list[RenderableType] = [Text(f"  {_purchase(each)}") for each in ordered[:_SHOWN]]
    if len(ordered) > _SHOWN:
        lines.append(Text(f"  and {len(ordered) - _SHOWN} more (--json has them all)", style="dim"))
    return lines


def _purchase(operation: Mapping[str, Any]) -> str:
    """Say when a purchase was invoked and returned, what it read and wrote in between, and its result."""
    steps = [
        f"{_past(each['action'])} {each['remaining']} left at {_at(each['ns'])}"
        for each in operation.get("accesses", ())
    ]
    path = ", ".join([f"invoked at {_at(operation['invoke_ns'])}", *steps])
    if operation["return_ns"] is None:
        end = "never returned"
    elif operation["result"] == "ok":
        tickets = [str(ticket) for ticket in operation.get("tickets", ())]
        noun = "tickets" if len(tickets) > 1 else "ticket"
        end = f"returned at {_at(operation['return_ns'])}: {noun} {join_words(tickets)}"
    else:
        end = f"returned at {_at(operation['return_ns'])}: {operation.get('error') or operation['result']}"
    return f"buyer {operation['process']}: {path}, {end}"


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
    claim = f"Purchases returned {pluralize(row.sold, 'ticket')}."
    return Text.assemble(("The books say: ", "bold"), f"{'; '.join(lines)}{told}. {claim}")
