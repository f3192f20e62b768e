"""Scenarios: who buys what, in which store, under which strategy; a plain value for races and explorations alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import floor, inf
from random import Random
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Buy, Confirm, Hold, Inventory, Request
from ticketlab.core.spec import Spec
from ticketlab.core.text import pluralize

MOST_BUYERS: Final = 60_000
"""As many as one release of the start barrier serves."""
_MOST_ORDERS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is raced for, but not how it is run: the same scenario can be raced live and explored.

    Each buyer places `orders` orders, each of a quantity drawn from `quantity` (lowest and highest) in a section that
    is drawn evenly. The draws depend only on `seed` and the buyer's number. `ledger` says whether the books list every
    sale beside the count; a ledger makes each write to a JSON file longer than the one before.

    If `hold` is set, an order is a hold for that many seconds, followed by its confirmation. The buyer asks for that
    `pay` seconds after it got the hold (drawn from a lowest and a highest). `abandon` is the share of all orders whose
    buyer never confirms.
    """

    store: Spec
    strategy: Spec
    buyers: int = 100
    inventory: Inventory = field(default_factory=lambda: Inventory({"main": 5}))
    quantity: tuple[int, int] = (1, 1)
    orders: int = 1
    seed: int = 0
    ledger: bool = True
    hold: float = 0.0
    pay: tuple[float, float] = (0.0, 0.0)
    abandon: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.buyers <= MOST_BUYERS:
            raise UsageError(f"{self.buyers} buyers cannot race: at least 1 is needed, and at most {MOST_BUYERS:,}")
        if self.orders < 1:
            raise UsageError(f"{self.orders} orders a buyer is nothing to do: at least 1 is needed")
        if self.orders > _MOST_ORDERS:
            raise UsageError(f"{self.orders} orders a buyer are too many: at most {_MOST_ORDERS:,} are possible")
        low, high = self.quantity
        if not 1 <= low <= high:
            raise UsageError(f"an order of {low} to {high} tickets makes no sense: 1 <= lowest <= highest is needed")
        most = max(self.inventory.sections.values())
        if high > most:
            raise UsageError(
                f"an order of {pluralize(high, 'ticket')} can never be met: no section has more than {most}"
            )
        self._check_holds()

    @property
    def model(self) -> str:
        """The model that judges histories of this scenario."""
        return "holds" if self.hold else "counter"

    def _check_holds(self) -> None:
        soonest, latest = self.pay
        if not 0 <= self.hold < inf:
            raise UsageError(f"a hold of {self.hold:g} seconds makes no sense: 0 (no holds) or more are needed")
        if not 0 <= soonest <= latest < inf:
            raise UsageError(f"paying within {soonest:g} to {latest:g} seconds makes no sense: 0 <= lowest <= highest")
        if not 0 <= self.abandon <= 1:
            raise UsageError(f"{self.abandon:g} is no share of all orders: 0 to 1 is needed")
        if not self.hold and (latest or self.abandon):
            raise UsageError("without a hold nobody pays later or abandons an order: say how long tickets are held")

    @classmethod
    def of(
        cls,
        store: str,
        strategy: str = "none",
        *,
        buyers: int = 3,
        tickets: int | Mapping[str, int] = 1,
        quantity: int | tuple[int, int] = 1,
        orders: int = 1,
        seed: int = 0,
        ledger: bool = True,
        hold: float = 0.0,
        pay: float | tuple[float, float] = 0.0,
        abandon: float = 0.0,
    ) -> Scenario:
        """Return a scenario from plain values: `Scenario.of("json:rename", "flock", buyers=3, tickets=2)`."""
        low, high = (quantity, quantity) if isinstance(quantity, int) else quantity
        soonest, latest = pay if isinstance(pay, tuple) else (pay, pay)
        return cls(
            store=Spec.parse(store),
            strategy=Spec.parse(strategy),
            buyers=buyers,
            inventory=Inventory.of(tickets),
            quantity=(low, high),
            orders=orders,
            seed=seed,
            ledger=ledger,
            hold=hold,
            pay=(soonest, latest),
            abandon=abandon,
        )

    def requests(self, buyer: int) -> tuple[Request, ...]:
        """Return the requests of one buyer (numbered from 1), in order."""
        orders = self._orders(buyer)
        return tuple(self._held(buyer, orders)) if self.hold else orders

    def _held(self, buyer: int, orders: Iterable[Buy]) -> Iterator[Hold | Confirm]:
        """Yield a hold and its confirmation in place of each order; abandoned orders are spread evenly over all."""
        draw = Random(f"pay/{self.seed}/{buyer}")
        for number, order in enumerate(orders, 1):
            hold = f"{buyer}.{number}"
            yield Hold(buyer, order.section, order.quantity, self.hold, hold)
            place = (buyer - 1) * self.orders + number
            after = draw.uniform(*self.pay)
            if floor(place * self.abandon) == floor((place - 1) * self.abandon):
                yield Confirm(buyer, order.section, hold, after)

    def _orders(self, buyer: int) -> tuple[Buy, ...]:
        sections = sorted(self.inventory.sections)
        low, high = self.quantity
        if len(sections) == 1 and low == high:  # nothing to draw, so 100 buyers need not seed a generator each
            return (Buy(buyer, sections[0], low),) * self.orders
        draw = Random(f"{self.seed}/{buyer}")
        return tuple(Buy(buyer, draw.choice(sections), draw.randint(low, high)) for _ in range(self.orders))
