"""What the sums of receipts and books prove: each comparison, its anomaly and its sentence, once for all judges.

`books` holds what buyers were told against a store that was read afresh, `final_state` a history against the books in
its metadata, and `lab.exploring.function_workload` what functions said against the books that they wrote. All compare
numbers of tickets in one section:

- `told`, the tickets of sales that buyers were told of, and `maybe`, those of orders that were never answered;
- `counted`, the tickets that the books count as sold: ticket numbers count sales, so this is `issued`;
- what is for sale (`remaining`), held and sold: together all that there ever was, as the numbers of cancelled tickets
  are never issued again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ticketlab.core.inventory import Entry
from ticketlab.core.text import join_some, pluralize
from ticketlab.core.verdict import Anomaly

Evidence = Mapping[str, Any]


def told_of(section: str, told: int) -> str:
    """Return the beginning of a sentence: what the buyers of a section were told."""
    return f"buyers were told of {pluralize(told, 'sold ticket')} of section {section!r}"


def lost_update(claim: str, told: int, counted: int, evidence: Evidence) -> Iterator[Anomaly]:
    """Yield an anomaly if the books count fewer tickets than buyers claim to have; `claim` begins the sentence."""
    if told > counted:
        sentence = f"{claim}, the books count {counted:,}: {told - counted:,} overwritten"
        yield Anomaly("lost update", sentence, evidence)


def ghost_sale(claim: str, told: int, maybe: int, counted: int, evidence: Evidence) -> Iterator[Anomaly]:
    """Yield an anomaly if the books count more tickets than buyers can have bought; `claim` begins the sentence."""
    if counted <= told + maybe:
        return
    if maybe:
        unanswered = f"and orders without an answer were for {maybe:,} more"
        sentence = f"{claim} {unanswered}, the books count {counted:,}: {counted - told - maybe:,} too many"
    else:
        sentence = f"{claim}, the books count {counted:,}: nobody was told of {counted - told:,}"
    yield Anomaly("ghost sale", sentence, evidence)


def negative_stock(section: str, remaining: int) -> Iterator[Anomaly]:
    """Yield an anomaly if fewer than no tickets are left."""
    if remaining < 0:
        sentence = f"the books say that {remaining:,} tickets of section {section!r} are left"
        yield Anomaly("negative stock", sentence, {"section": section, "remaining": remaining})


class Total(NamedTuple):
    """All tickets of a section that the books know of, and how many there should be.

    `cancelled` tickets are for sale again, and still counted as issued; `maybe_cancelled` are those of cancellations
    that were never answered. `with_holds` says whether tickets of the section were ever held.
    """

    section: str
    tickets: int
    remaining: int
    held: int
    issued: int
    cancelled: int = 0
    maybe_cancelled: int = 0
    with_holds: bool = False


def wrong_total(total: Total) -> Iterator[Anomaly]:
    """Yield an anomaly if tickets are missing from the books, or are there twice."""
    known = total.remaining + total.held + total.issued - total.cancelled
    least, most = total.tickets, total.tickets + total.maybe_cancelled
    if least <= known <= most:
        return
    facts = {"section": total.section, "tickets": total.tickets}
    facts |= {"remaining": total.remaining, "held": total.held, "issued": total.issued, "cancelled": total.cancelled}
    if known < least:
        states = "sold nor held nor for sale" if total.with_holds else "sold nor for sale"
        gone = (
            f"{pluralize(least - known, 'ticket')} of section {total.section!r} {'is' if least - known == 1 else 'are'}"
        )
        yield Anomaly("hold leaked" if total.with_holds else "lost tickets", f"{gone} neither {states}", facts)
        return
    sentence = (
        f"the books know of {pluralize(known, 'ticket')} of section {total.section!r}, and there are only {most:,}"
    )
    if total.with_holds:
        yield Anomaly("resold hold", f"{sentence}: what was sold is held, or for sale, as well", facts)
    else:
        yield Anomaly("invented tickets", f"{sentence}: what was sold is for sale as well", facts)


def missing_entries(section: str, buyers: Sequence[int], evidence: Evidence) -> Iterator[Anomaly]:
    """Yield an anomaly if the ledger lacks sales that these buyers were told of."""
    if buyers:
        sentence = f"{name_buyers(buyers)} heard of a sale in section {section!r} that the ledger does not have"
        yield Anomaly("vanished sale", sentence, evidence)


def extra_entries(section: str, buyers: Sequence[int], evidence: Evidence) -> Iterator[Anomaly]:
    """Yield an anomaly if the ledger has sales to these buyers that nobody was told of."""
    if buyers:
        sentence = f"the ledger has a sale to {name_buyers(buyers)} in section {section!r} that nobody was told of"
        yield Anomaly("ghost sale", sentence, evidence)


def repeated_entries(ledger: Iterable[Entry]) -> Iterator[Anomaly]:
    """Yield an anomaly for each section of which the ledger has a ticket sold more than once."""
    sales = Counter((entry.section, ticket) for entry in ledger if not entry.cancels for ticket in entry.tickets)
    found: set[str] = set()
    for (section, ticket), count in sales.items():
        if count > 1 and section not in found:
            found.add(section)
            sentence = f"ticket {ticket} of section {section!r} is {count:,} times in the ledger"
            yield Anomaly("ticket sold twice", sentence, {"section": section, "ticket": ticket, "count": count})


def name_buyers(numbers: Iterable[int]) -> str:
    """Name up to three buyers, and count the others: "buyers 3, 8, 9 and 12 more"."""
    names = [str(number) for number in sorted(set(numbers))]
    return f"buyer{'' if len(names) == 1 else 's'} {join_some(names, 3)}"
