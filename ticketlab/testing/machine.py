"""A Hypothesis state machine: sequences of requests by several buyers, compared with a model.

The model of a section is three numbers (how many tickets it has, how many are left, how many were ever issued) and its
holds. One request runs at a time, so nothing races. What is tested is that a store and a strategy perform requests
rightly in any order; every claim about races takes that for granted. Holds have two lengths: one that is longer than
any test, and a nanosecond, so that the hold has expired by the next request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule
from hypothesis.strategies import SearchStrategy

from ticketlab.core import pacing
from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Entry,
    Expired,
    Found,
    Held,
    Hold,
    OpenHold,
    Search,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.plugin import Capability
from ticketlab.core.scenario import Scenario
from ticketlab.lab.exploring.sequential import SequentialRunner
from ticketlab.lab.plugins.registry import store_kind, strategy_kind
from ticketlab.testing.require import same

_LONG: Final = 1e9
_SHORT: Final = 1e-9
_FAR: Final = pacing.now() + _LONG / 2
"""A time by which short holds have expired and long ones have not."""


def _buyers() -> SearchStrategy[int]:
    return st.runner().flatmap(lambda machine: st.integers(1, machine.scenario.buyers))


def _sections() -> SearchStrategy[str]:
    return st.runner().flatmap(lambda machine: st.sampled_from(sorted(machine.scenario.inventory.sections)))


class InventoryMachine(RuleBasedStateMachine):
    """The machine of one scenario; `inventory_machine` makes one."""

    scenario: ClassVar[Scenario]
    bought: Bundle[Any] = Bundle("bought")
    holds: Bundle[Any] = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.stocks = {name: Stock(name, count, count) for name, count in self.scenario.inventory.sections.items()}
        self.ledger: list[Entry] = []
        self.placed = 0
        store, strategy = store_kind(self.scenario.store), strategy_kind(self.scenario.strategy)
        self.keeps_holds = Capability.HOLDS in store.capabilities and strategy.keeps_holds(self.scenario.strategy)
        self.runner = SequentialRunner(self.scenario)
        self.runner.__enter__()

    def teardown(self) -> None:
        """Close the store and the strategy."""
        self.runner.__exit__(None, None, None)

    @rule(target=bought, buyer=_buyers(), section=_sections(), quantity=st.integers(1, 3))
    def buy(self, buyer: int, section: str, quantity: int) -> Any:
        """Order tickets: all of them or none, with the next numbers."""
        stock = self._look(section)
        tickets = tuple(range(stock.issued + 1, stock.issued + quantity + 1))
        expected = Sold(tickets) if quantity <= stock.remaining else SoldOut()
        same("the answer to an order", self.runner.perform(Buy(buyer, section, quantity)), expected)
        if expected == SoldOut():
            return multiple()
        issued, remaining = stock.issued + quantity, stock.remaining - quantity
        self._change(stock._replace(remaining=remaining, issued=issued))
        self.ledger.append(Entry(buyer, section, tickets))
        return buyer, section, tickets

    @rule(buyer=_buyers(), section=_sections())
    def search(self, buyer: int, section: str) -> None:
        """Ask how many are left."""
        answer = self.runner.perform(Search(buyer, section))
        same("the answer to a search", answer, Found(self._look(section).remaining))

    @precondition(lambda machine: machine.keeps_holds)
    @rule(target=holds, buyer=_buyers(), section=_sections(), quantity=st.integers(1, 3), short=st.booleans())
    def hold(self, buyer: int, section: str, quantity: int, short: bool) -> Any:
        """Place a hold: of all tickets or none."""
        stock = self._look(section)
        self.placed += 1
        name = f"{buyer}.{self.placed}"
        expected = Held(name) if quantity <= stock.remaining else SoldOut()
        answer = self.runner.perform(Hold(buyer, section, quantity, _SHORT if short else _LONG, name))
        same("the answer to a hold", answer, expected)
        if expected == SoldOut():
            return multiple()
        placed = OpenHold(name, buyer, quantity, 0.0 if short else _FAR)
        self._change(stock._replace(remaining=stock.remaining - quantity, holds=(*stock.holds, placed)))
        return buyer, section, name

    @rule(target=bought, holding=holds)
    def confirm(self, holding: tuple[int, str, str]) -> Any:
        """Confirm a hold: once, and before it expires."""
        buyer, section, name = holding
        stock = self._look(section)
        found = stock.find(name)
        answer = self.runner.perform(Confirm(buyer, section, name))
        if found is None:
            same("the answer to the confirmation of an expired hold", answer, Expired())
            return multiple()
        tickets = tuple(range(stock.issued + 1, stock.issued + found.quantity + 1))
        same("the answer to a confirmation", answer, Sold(tickets))
        left = tuple(each for each in stock.holds if each is not found)
        self._change(stock._replace(issued=stock.issued + found.quantity, holds=left))
        self.ledger.append(Entry(buyer, section, tickets))
        return buyer, section, tickets

    @rule(holding=holds)
    def cancel_hold(self, holding: tuple[int, str, str]) -> None:
        """Cancel a hold: its tickets are for sale again."""
        buyer, section, name = holding
        stock = self._look(section)
        found = stock.find(name)
        answer = self.runner.perform(Cancel(buyer, section, hold=name))
        same("the answer to the cancellation of a hold", answer, Cancelled(()) if found else Expired())
        if found:
            self._change(stock.without([found]))

    @rule(holding=consumes(bought))
    def cancel(self, holding: tuple[int, str, tuple[int, ...]]) -> None:
        """Give back bought tickets; their numbers are never issued again."""
        buyer, section, tickets = holding
        same("the answer to a cancellation", self.runner.perform(Cancel(*holding)), Cancelled(tickets))
        stock = self._look(section)
        self._change(stock._replace(remaining=stock.remaining + len(tickets)))
        self.ledger.append(Entry(buyer, section, tickets, cancels=True))

    def _look(self, section: str) -> Stock:
        """Return the section as a request finds it: without expired holds."""
        stock = self.stocks[section]
        return stock.without([each for each in stock.holds if each.until < _FAR])

    def _change(self, stock: Stock) -> None:
        self.stocks[stock.section] = stock._replace(version=stock.version + 1)

    @invariant()
    def books_agree(self) -> None:
        """The books agree with the model."""
        books = self.runner.books()
        if self.placed:
            same("the books", _settled(books.stocks), _settled(self.stocks))
        else:
            same("the books", books.stocks, self.stocks)
        if self.scenario.ledger:
            same("the ledger", _lines(books.ledger or ()), _lines(self.ledger))


def _settled(stocks: Mapping[str, Stock]) -> dict[str, Stock]:
    """Return the records without expired holds and versions: a store may remove expired holds by any write."""
    settled = {}
    for name, stock in stocks.items():
        now = stock.without([each for each in stock.holds if each.until < _FAR])
        settled[name] = now._replace(version=0, holds=tuple(each._replace(until=_FAR) for each in now.holds))
    return settled


def _lines(ledger: Iterable[Entry]) -> list[tuple[int, str, int, bool]]:
    """Return one line for each ticket: a store may enter an order of two as one entry or as two."""
    return [(one.buyer, one.section, ticket, one.cancels) for one in ledger for ticket in one.tickets]


def inventory_machine(
    store: str,
    strategy: str = "none",
    *,
    buyers: int = 3,
    tickets: int | Mapping[str, int] = 5,
    ledger: bool = True,
) -> type[InventoryMachine]:
    """Return a state machine for a store under a strategy; its `TestCase` is what pytest or unittest runs.

    TestShop = inventory_machine("sqlite", "transaction:immediate", tickets={"floor": 3, "boxes": 1}).TestCase
    """
    scenario = Scenario.of(store, strategy, buyers=buyers, tickets=tickets, ledger=ledger)
    return type("InventoryMachine", (InventoryMachine,), {"scenario": scenario})
