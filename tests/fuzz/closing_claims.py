"""What is claimed of the books that a history carries is counted again: receipts against record and ledger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from tests.fuzz.second_judge import open_end
from ticketlab.core.history import History, Operation
from ticketlab.core.verdict import Anomaly

Claim = tuple[str, str]
Claims = Callable[[History, Anomaly, re.Match[str]], Iterator[Claim]]


def _false(kind: str, true: object, told: object) -> Iterator[Claim]:
    if true != told:
        yield kind, f"told {told!r}, true is {true!r}"


def sales(history: History, section: str) -> list[Operation]:
    """Return the confirmed sales of a section."""
    return [each for each in history.operations if each.section == section and each.op == "buy" and each.result == "ok"]


def returned_of(history: History, section: str) -> int:
    """Return how many tickets of a section purchases returned."""
    return sum(each.arg for each in sales(history, section) if isinstance(each.arg, int))


def may_be_more(history: History, section: str) -> int:
    """Return how many tickets of a section may have been sold by orders that never returned."""
    unknown = [each for each in history.operations if each.section == section and each.op == "buy" and open_end(each)]
    return sum(each.arg for each in unknown if isinstance(each.arg, int))


def _counts(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    """Purchases returned so many tickets, and the books count so many."""
    section, returned, counted = told[1], int(told[2]), int(told[3])
    record = history.meta["books"]["stocks"][section]
    yield from _false("returned", returned_of(history, section), returned)
    yield from _false("counted", record["issued"], counted)
    yield from _false("fields", anomaly.evidence.get("returned"), returned)
    yield from _false("fields", anomaly.evidence.get("counted"), counted)
    yield from _false("fields", anomaly.evidence.get("section"), section)


def _overwritten(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    yield from _counts(history, anomaly, _reordered(told))
    yield from _false("sum", int(told["returned"]) - int(told["counted"]), int(told["by"]))


def _nobody(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    yield from _counts(history, anomaly, _reordered(told))
    more = may_be_more(history, told["section"])
    if not int(told["counted"]) - int(told["returned"]) - more <= int(told["by"]):
        yield "sum", f"of no purchase are {int(told['counted']) - int(told['returned'])}"
    if int(told["counted"]) <= int(told["returned"]) + more:
        yield "reason", f"{more} tickets may have been sold by orders that never returned"
    if int(told["by"]) > int(told["counted"]) - int(told["returned"]):
        yield "sum", f"of no purchase are {int(told['counted']) - int(told['returned'])} at most"


def _reordered(told: re.Match[str]) -> re.Match[str]:
    text = f"{told['section']}\n{told['returned']}\n{told['counted']}"
    match = re.fullmatch(r"(.*)\n(.*)\n(.*)", text)
    assert match is not None
    return match


def _too_many(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    """More sales are counted than purchases returned and may have sold without returning."""
    yield from _counts(history, anomaly, _reordered(told))
    more = may_be_more(history, told["section"])
    yield from _false("unknown", more, int(told["unknown"]))
    yield from _false("sum", int(told["counted"]) - int(told["returned"]) - more, int(told["by"]))


def _known(history: History, section: str) -> int:
    """Return how many tickets the books know of: left, held or issued, less what was given back."""
    record = history.meta["books"]["stocks"][section]
    back = [each.arg for each in history.operations if each.section == section and each.op == "cancel"]
    held = sum(each["quantity"] for each in record.get("holds", ()))
    return int(record["remaining"] + record["issued"] + held - sum(each for each in back if isinstance(each, int)))


def _invented(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    yield from _false("known", _known(history, told["section"]), int(told["known"]))
    yield from _false("stock", _stock(history, told["section"]), int(told["stock"]))
    yield from _of_record(history, anomaly, told["section"])
    if int(told["known"]) <= int(told["stock"]):
        yield "reason", "these are not too many"


def _lost(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    section = told["section"]
    yield from _false("lost", _stock(history, section) - _known(history, section), int(told["lost"]))
    yield from _of_record(history, anomaly, section)
    if int(told["lost"]) <= 0:
        yield "reason", "none is lost"


def _of_record(history: History, anomaly: Anomaly, section: str) -> Iterator[Claim]:
    """The evidence has the numbers of the record."""
    record = history.meta["books"]["stocks"][section]
    for key in ("remaining", "issued", "tickets"):
        true = record.get(key, _stock(history, section))
        yield from _false(f"field {key}", true, anomaly.evidence.get(key, true))


def _stock(history: History, section: str) -> int:
    stock = history.meta["stock"]
    return int(stock if isinstance(stock, int) else stock[section])


def _negative(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    record = history.meta["books"]["stocks"][told["section"]]
    yield from _false("remaining", record["remaining"], int(told["left"]))
    if int(told["left"]) >= 0:
        yield "reason", "that is not negative"


def missing(history: History, section: str) -> list[int]:
    """Return the buyers whose purchases returned tickets which the ledger does not have."""
    return _differ(history, section)[0]


def unreturned(history: History, section: str) -> list[int]:
    """Return the buyers that the ledger lists with tickets which none of their orders can have bought."""
    return _differ(history, section)[1]


def _differ(history: History, section: str) -> tuple[list[int], list[int]]:
    """Compare tickets buyer by buyer, since a ledger may list an order's tickets together or one by one.

    An order is carried out as a whole or not at all.
    """
    listed: Counter[int] = Counter()
    for line in history.meta["books"]["ledger"] or []:
        listed[line["buyer"]] += len(line["tickets"]) if line["section"] == section else 0
    fewer: list[int] = []
    more: list[int] = []
    for buyer in sorted({each.process for each in history.operations} | listed.keys()):
        own = [each for each in history.operations if (each.process, each.section, each.op) == (buyer, section, "buy")]
        told = [int(each.arg) for each in own if each.result == "ok" and isinstance(each.arg, int)]
        open_ones = [int(each.arg) for each in own if open_end(each) and isinstance(each.arg, int)]
        if listed[buyer] in {sum(told) + number for number in _sums(open_ones)}:
            continue
        left_out = listed[buyer] < sum(told) or listed[buyer] in _sums(told + open_ones)
        (fewer if left_out else more).append(buyer)
    return fewer, more


def _sums(sizes: Sequence[int]) -> set[int]:
    """Return every number that some of these sizes add up to."""
    found = {0}
    for size in sizes:
        found |= {number + size for number in found}
    return found


def _vanished(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    """Purchases of these buyers returned sales that the ledger does not have."""
    yield from _buyers(anomaly, told, missing(history, told["section"]))


def _unreturned(history: History, anomaly: Anomaly, told: re.Match[str]) -> Iterator[Claim]:
    """The ledger has sales to these buyers that no purchase returned."""
    yield from _buyers(anomaly, told, unreturned(history, told["section"]))


def _buyers(anomaly: Anomaly, told: re.Match[str], true: Sequence[int]) -> Iterator[Claim]:
    buyers = [int(number) for number in re.findall(r"\d+", told["whom"])]
    if buyers != list(true):
        yield "who", f"told {buyers}, true is {true}"
    shown: Any = anomaly.evidence.get("buyers")
    yield from _false("fields", buyers, shown)


def _adds_up(history: History, section: str, record: Mapping[str, Any]) -> bool:
    """Whether what is left, held and issued is what there was at first, but for what was given back."""
    there = _stock(history, section)
    cancels = [each for each in history.operations if each.section == section and each.op == "cancel"]
    sure = sum(each.arg for each in cancels if each.result == "ok" and isinstance(each.arg, int))
    more = sum(each.arg for each in cancels if open_end(each) and isinstance(each.arg, int))
    held = sum(each["quantity"] for each in record.get("holds", ()))
    return bool(sure <= record["remaining"] + record["issued"] + held - there <= sure + more)


def wrong_books(history: History) -> str:
    """Return what is wrong with the books that the history carries, empty where nothing is."""
    books = history.meta["books"]
    for section, record in books["stocks"].items():
        told, more = returned_of(history, section), may_be_more(history, section)
        if record["remaining"] < 0:
            return "negative stock"
        if not told <= record["issued"] <= told + more:
            return "sales counted that no purchase returned, or returned that are not counted"
        if not _adds_up(history, section, record):
            return "remaining and issued are not what there was at first"
        if books["ledger"] is not None and (missing(history, section) or unreturned(history, section)):
            return "receipts and ledger differ"
    return ""


_SECTION = r"section '(?P<section>.*?)'"
BOOKS: Final[dict[str, Claims]] = {
    rf"purchases returned (?P<returned>\d+) sold tickets? of {_SECTION}, the books count (?P<counted>-?\d+):"
    r" (?P<by>\d+) overwritten": _overwritten,
    rf"purchases returned (?P<returned>\d+) sold tickets? of {_SECTION}, the books count (?P<counted>-?\d+):"
    r" (?P<by>\d+) belongs? to no purchase": _nobody,
    rf"purchases returned (?P<returned>\d+) sold tickets? of {_SECTION} and may have sold"
    r" (?P<unknown>\d+) more without returning, the books count (?P<counted>-?\d+): (?P<by>\d+) too many": _too_many,
    rf"the books know of (?P<known>\d+) tickets? of {_SECTION}, and there (?:are|is) only (?P<stock>-?\d+): what was"
    r" sold is (?:held, or )?for sale,? as well": _invented,
    rf"(?P<lost>\d+) tickets? of {_SECTION} (?:are|is) neither sold nor(?: held,? nor)? for sale": _lost,
    rf"the books say that (?P<left>-?\d+) tickets? of {_SECTION} (?:is|are) left": _negative,
    rf"the ledger lacks a sale in {_SECTION} that was returned to buyers? (?P<whom>[\d, and]+?)": _vanished,
    rf"the ledger has a sale to buyers? (?P<whom>[\d, and]+) in {_SECTION} that no purchase returned": _unreturned,
}
