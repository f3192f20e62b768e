"""Cells: each store, strategy, launcher and number of buyers that a comparison measures, from what a user named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Inventory
from ticketlab.core.plugin import Capability
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.combinations import UnsupportedPair
from ticketlab.lab.plugins.registry import (
    compared_stores,
    full_name,
    launcher_kind,
    store_kind,
    strategies,
    strategy_kind,
)

_DEFAULT_BUYERS: Final = 8
_MOST_BUYERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One store, strategy, launcher and number of buyers to measure."""

    store: Spec
    strategy: Spec
    launcher: Spec
    buyers: int

    @property
    def claims_safety(self) -> bool:
        """Whether the strategy claims to keep the books right."""
        return strategy_kind(self.strategy).claims_safety(self.strategy)

    @property
    def pair(self) -> tuple[str, str]:
        """Store and strategy by their full names, the default variants included."""
        return (
            full_name(self.store, store_kind(self.store)),
            full_name(self.strategy, strategy_kind(self.strategy)),
        )

    @property
    def parts(self) -> Sequence[str] | None:
        """The strategy's moving parts; None if its author does not name them."""
        return strategy_kind(self.strategy).moving_parts(self.strategy)

    def scenario(self, orders: int) -> Scenario:
        """Return the scenario of one round; there are as many tickets as orders, so that every order can be met."""
        stock = Inventory({"main": orders * self.buyers})
        return Scenario(self.store, self.strategy, self.buyers, stock, orders=orders, ledger=False)

    def __str__(self) -> str:
        return f"{self.strategy} on {self.store}, {self.launcher}, {self.buyers} buyer{'s' if self.buyers > 1 else ''}"


@dataclass(frozen=True, slots=True)
class CellMatrix:
    """All cells of a comparison, and the named pairs that are unsupported."""

    cells: Sequence[Cell]
    unsupported: Sequence[UnsupportedPair]


def cell_matrix(
    stores: Iterable[str], strategies: Iterable[str], launchers: Iterable[str], buyers: Iterable[str]
) -> CellMatrix:
    """Return the cells for the names and numbers that a user gave; an empty list takes the default.

    Raises:
        UsageError: a name, a variant or a number is wrong, or no named strategy runs on a named store.
    """
    chosen_stores = parse_specs(stores) or [Spec(kind.name) for kind in compared_stores()]
    chosen_strategies = parse_specs(strategies)
    chosen_launchers = parse_specs(launchers) or [Spec("process")]
    for launcher in chosen_launchers:
        launcher_kind(launcher).settings(launcher)
    buyer_counts = parse_buyer_counts(buyers) or [_DEFAULT_BUYERS]
    cells: list[Cell] = []
    unsupported: list[UnsupportedPair] = []
    for store in chosen_stores:
        kind = store_kind(store)
        kind.settings(store)
        if kind.in_process:
            raise UsageError(f"{kind.name} cannot be raced for, so it cannot be measured (explore it instead)")
        for strategy in chosen_strategies or default_strategies(store):
            strategy_kind(strategy).settings(strategy)
            if reason := strategy_kind(strategy).unsupported_on(kind, strategy):
                unsupported.append(UnsupportedPair(store, strategy, reason))
            else:
                cells += [
                    Cell(store, strategy, launcher, count) for count in buyer_counts for launcher in chosen_launchers
                ]
    if not cells:
        raise UsageError(f"nothing to compare: {unsupported[0].reason} (see ticketlab strategies)")
    return CellMatrix(cells, unsupported)


def reference_cells(cells: Iterable[Cell]) -> list[Cell]:
    """Return for each number of buyers the cell that shows how fast the machine itself is.

    It is the cheapest way to sell that still takes what most take: processes, a lock of the kernel, and a file.
    """
    counts = dict.fromkeys(cell.buyers for cell in cells)
    return [Cell(Spec("json", "in-place"), Spec("flock"), Spec("process"), count) for count in counts]


def default_strategies(store: Spec) -> list[Spec]:
    """Return the strategies to compare on a store if none is named: those that the store's kind names.

    If it names none, these are all strategies that run on it, each in its default variant. Strategies that need holds
    are left out, since orders are compared.
    """
    kind = store_kind(store)
    if kind.compared:
        return [Spec.parse(each) for each in kind.compared]
    for_orders = [each for each in strategies() if Capability.HOLDS not in each.needs]
    return [Spec(each.name) for each in for_orders if not each.unsupported_on(kind, Spec(each.name))]


def parse_specs(texts: Iterable[str]) -> list[Spec]:
    """Read specs from lists separated by commas, each once and in order.

    A comma before `key=value` belongs to its spec, as in `json,sqlite:journal=delete,synchronous=off`; any other comma
    begins the next spec.

    Raises:
        UsageError: an entry is empty, or is not a spec.
    """
    found: dict[Spec, None] = {}
    for text in texts:
        whole: list[str] = []
        for part in text.split(","):
            if whole and "=" in part.partition(":")[0]:
                whole[-1] += f",{part}"
            elif part.strip():
                whole.append(part)
            else:
                raise UsageError(f"{text!r} has an empty entry: write names with one comma between them")
        found |= dict.fromkeys(Spec.parse(each) for each in whole)
    return list(found)


def parse_buyer_counts(texts: Iterable[str]) -> list[int]:
    """Read numbers of buyers from lists separated by commas, each once and in ascending order."""
    found = set()
    for text in texts:
        for part in map(str.strip, text.split(",")):
            if not (part.isascii() and part.isdigit() and 1 <= int(part[:9]) <= _MOST_BUYERS):
                raise UsageError(
                    f"--buyers {text!r}: {part!r} is not a number of buyers from 1 to {_MOST_BUYERS:,}; write 1,8,100"
                )
            found.add(int(part))
    return sorted(found)
