"""What the sums of receipts and books prove: each comparison, its anomaly and its sentence, once for all judges.

`books` compares the results of purchases with a store that was read afresh, `final_state` a history with the books in
its metadata, and `lab.exploring.function_workload` what functions said with the books that they wrote. All compare
numbers of tickets in one section:

- `returned`, the tickets that purchases returned, and `maybe`, those of purchases that never returned;
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


def returned_claim(section: str, returned: int) -> str:
    """Return the beginning of a sentence: how many tickets of a section purchases returned."""
    return f"purchases returned {pluralize(returned, 'sold ticket')} of section {section!r}"


def lost_update(claim: str, returned: int, counted: int, evidence: Evidence) -> Iterator[Anomaly]:
    """Yield an anomaly if the books count fewer tickets than buyers claim to have; `claim` begins the sentence."""
    if returned > counted:
        sentence = f"{claim}, the books count {counted:,}: {returned - counted:,} overwritten"
        yield Anomaly("lost update", sentence, evidence)


def ghost_sale(claim: str, returned: int, maybe: int, counted: int, evidence: Evidence) -> Iterator[Anomaly]:
    """Yield an anomaly if the books count more tickets than buyers can have bought; `claim` begins the sentence."""
    if counted <= returned + maybe:
        return
    if maybe:
        open_ones = f"and may have sold {maybe:,} more without returning"
        sentence = f"{claim} {open_ones}, the books count {counted:,}: {counted - returned - maybe:,} too many"
    else:
        extra = counted - returned
        sentence = f"{claim}, the books count {counted:,}: {extra:,} belong{'s' if extra == 1 else ''} to no purchase"
    yield Anomaly("ghost sale", sentence, evidence)


def negative_stock(section: str, remaining: int) -> Iterator[Anomaly]:
    """Yield an anomaly if fewer than no tickets are left."""
    if remaining < 0:
        sentence = f"the books say that {remaining:,} tickets of section {section!r} are left"
        yield Anomaly("negative stock", sentence, {"section": section, "remaining": remaining})


class Total(NamedTuple):
    """All tickets of a section that the books know of, and how many there should be.

    `cancelled` tickets are for sale again, and still counted as issued; `maybe_cancelled` are those of cancellations
    that never returned. `with_holds` says whether tickets of the section were ever held.
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
    """Yield an anomaly if the ledger lacks sales that were returned to these buyers."""
    if buyers:
        sentence = f"the ledger lacks a sale in section {section!r} that was returned to {name_buyers(buyers)}"
        yield Anomaly("vanished sale", sentence, evidence)


def extra_entries(section: str, buyers: Sequence[int], evidence: Evidence) -> Iterator[Anomaly]:
    """Yield an anomaly if the ledger has sales to these buyers that no purchase returned."""
    if buyers:
        sentence = f"the ledger has a sale to {name_buyers(buyers)} in section {section!r} that no purchase returned"
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
