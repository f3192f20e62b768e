"""The session that a function under test is given: the store's own, which also counts the tickets that a buyer takes.

A purchase that returns nothing can still lose an update. So each write is compared with what the same buyer read
before: the difference is the number of tickets that the buyer took. The books must account for the sum of all buyers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Confirm,
    Entry,
    Expired,
    Held,
    Hold,
    Outcome,
    Request,
    Search,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.plugin import Conditional, Perform, Session, Transactional, Versioned


class CallResult(NamedTuple):
    """The result of one buyer's call: its receipts, how many tickets it says it has, how many it took off the books.

    `says` is None if the function returned no number, `took` if it wrote without having read. `touched` says whether
    the function used its session. `returned` is what it returned, if an invariant asks for that; `unclear` describes
    what it returned if nothing else can judge it.
    """

    receipts: tuple[tuple[Request, Outcome], ...]
    says: int | None
    took: int | None
    touched: bool = True
    returned: Any = None
    unclear: str = ""


class BuyerSession:
    """One buyer's session of the store, with methods that buy under the strategy.

    `read`, `write`, `compare_and_set`, `transaction` and `apply` are the store's own, guarded by nothing but the
    function under test. `buy`, `search`, `hold`, `confirm` and `cancel` go through the strategy.
    """

    def __init__(self, buyer: int, session: Session, perform: Perform) -> None:
        self.buyer = buyer
        self._store_session = session
        self._guarded = perform
        self._touched = False
        self._known: dict[str, int] = {}  # by section, what this buyer last knew to be left
        self._took = self._holds = 0
        self._blind = False
        self._receipts: list[tuple[Request, Outcome]] = []

    def read(self, section: str = "main") -> Stock:
        """Return the section's record as the books have it now."""
        stock = self._session.read(section)
        self._known[section] = stock.remaining
        return stock

    def write(self, stock: Stock, entry: Entry | None = None) -> None:
        """Replace the section's record, whatever it is by now; add the entry, if any, to the ledger."""
        self._session.write(stock, entry)
        self._count(stock)

    def compare_and_set(self, stock: Stock, entry: Entry | None = None) -> bool:
        """Write the record if its version is still the one that was read; return whether it was written."""
        written = cast("Versioned", self._has("compare_and_set")).compare_and_set(stock, entry)
        if written:
            self._count(stock)
        return written

    @contextmanager
    def transaction(self, mode: str) -> Iterator[None]:
        """Commit the reads and writes inside, or roll them back; tickets are not counted as taken if they roll back."""
        before = dict(self._known), self._took, self._blind
        try:
            with cast("Transactional", self._has("transaction")).transaction(mode):
                yield
        except BaseException:
            self._known, self._took, self._blind = before
            raise

    def apply(self, request: Request) -> Outcome:
        """Perform a request by the store's statements that check and change at once."""
        return self._receipt(request, cast("Conditional", self._has("apply")).apply(request))

    def buy(self, quantity: int = 1, section: str = "main") -> Sold | SoldOut:
        """Buy tickets under the strategy."""
        request = Buy(self.buyer, section, quantity)
        return cast("Sold | SoldOut", self._receipt(request, self._perform(request)))

    def search(self, section: str = "main") -> int:
        """Ask under the strategy how many tickets are left."""
        request = Search(self.buyer, section)
        outcome: Any = self._receipt(request, self._perform(request))
        return int(outcome.remaining)

    def cancel(self, tickets: tuple[int, ...], section: str = "main") -> None:
        """Give tickets back under the strategy."""
        request = Cancel(self.buyer, section, tuple(tickets))
        self._receipt(request, self._perform(request))

    def hold(self, seconds: float, quantity: int = 1, section: str = "main") -> Held | SoldOut:
        """Hold tickets under the strategy."""
        self._holds += 1
        request = Hold(self.buyer, section, quantity, seconds, f"{self.buyer}.{self._holds}")
        return cast("Held | SoldOut", self._receipt(request, self._perform(request)))

    def confirm(self, held: Held, section: str = "main") -> Sold | Expired:
        """Buy what is held, under the strategy."""
        request = Confirm(self.buyer, section, held.hold)
        return cast("Sold | Expired", self._receipt(request, self._perform(request)))

    @property
    def _session(self) -> Session:
        self._touched = True
        return self._store_session

    def _perform(self, request: Request) -> Outcome:
        self._touched = True
        return self._guarded(request)

    def _has(self, method: str) -> Session:
        if not hasattr(self._session, method):
            raise UsageError(f"a session of this store has no {method}")
        return self._session

    def _count(self, stock: Stock) -> None:
        if stock.section in self._known:
            self._took += self._known[stock.section] - stock.remaining
        else:
            self._blind = True
        self._known[stock.section] = stock.remaining

    def _receipt(self, request: Request, outcome: Outcome) -> Outcome:
        self._receipts.append((request, outcome))
        return outcome

    def result(self, returned: Any, *, keep: bool = False) -> CallResult:
        """Return the result of the call; what the function returned is a part of it if `keep` is set."""
        receipts, says, unclear = tuple(self._receipts), None, ""
        if isinstance(returned, int):
            says = int(returned)
        elif isinstance(returned, Sold | SoldOut) or _are_numbers(returned):
            if not receipts:  # a receipt of `buy` is better: it names the section
                receipts = (_as_receipt(self.buyer, returned),)
        elif returned is not None:
            unclear = repr(returned)[:200]
        took = None if self._blind else self._took
        return CallResult(receipts, says, took, self._touched, returned if keep else None, unclear)


def _are_numbers(returned: Any) -> bool:
    return isinstance(returned, list | tuple) and all(isinstance(ticket, int) for ticket in returned)


def _as_receipt(buyer: int, returned: Any) -> tuple[Request, Outcome]:
    if isinstance(returned, SoldOut):
        return Buy(buyer, "main"), returned
    tickets = tuple(returned.tickets if isinstance(returned, Sold) else returned)
    return Buy(buyer, "main", len(tickets) or 1), Sold(tickets) if tickets else SoldOut()
