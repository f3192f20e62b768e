"""Scenarios: who buys what of which store under which strategy, as a value that is the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Buy, Inventory
from ticketlab.core.spec import Spec

MOST_BUYERS: Final = 60_000
"""As many as can hear one starting gun."""
MOST_ORDERS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """One race, without how it is run: the same scenario races live and is explored.

    Each buyer places `orders` orders, each of a quantity drawn from `quantity` (lowest and highest) in a section
    drawn evenly; the draws depend on `seed` and the buyer's number alone. `ledger` says whether the books list every
    sale beside the count; a ledger makes each write to a JSON file longer than the one before.
    """

    store: Spec
    strategy: Spec
    buyers: int = 100
    inventory: Inventory = field(default_factory=lambda: Inventory({"main": 5}))
    quantity: tuple[int, int] = (1, 1)
    orders: int = 1
    seed: int = 0
    ledger: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.buyers <= MOST_BUYERS:
            raise UsageError(f"{self.buyers} buyers cannot race: at least 1 is needed, and at most {MOST_BUYERS:,}")
        if self.orders < 1:
            raise UsageError(f"{self.orders} orders a buyer is nothing to do: at least 1 is needed")
        if self.orders > MOST_ORDERS:
            raise UsageError(f"{self.orders} orders a buyer are too many: at most {MOST_ORDERS:,} are possible")
        low, high = self.quantity
        if not 1 <= low <= high:
            raise UsageError(f"an order of {low} to {high} tickets makes no sense: 1 <= lowest <= highest is needed")
        most = max(self.inventory.sections.values())
        if high > most:
            raise UsageError(f"an order of {high} tickets can never be met: no section has more than {most}")

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
    ) -> Scenario:
        """Return a scenario told in words: `Scenario.of("json:rename", "flock", buyers=3, tickets=2)`."""
        low, high = (quantity, quantity) if isinstance(quantity, int) else quantity
        return cls(
            store=Spec.parse(store),
            strategy=Spec.parse(strategy),
            buyers=buyers,
            inventory=Inventory.of(tickets),
            quantity=(low, high),
            orders=orders,
            seed=seed,
            ledger=ledger,
        )

    def requests(self, buyer: int) -> tuple[Buy, ...]:
        """Return what one buyer (numbered from 1) asks for, in order."""
        sections = sorted(self.inventory.sections)
        low, high = self.quantity
        if len(sections) == 1 and low == high:  # nothing to draw, and 100 buyers need not seed a generator each
            return (Buy(buyer, sections[0], low),) * self.orders
        draw = Random(f"{self.seed}/{buyer}")
        return tuple(Buy(buyer, draw.choice(sections), draw.randint(low, high)) for _ in range(self.orders))
