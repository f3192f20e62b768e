"""What a comparison measures: cells of store, strategy, launcher and number of buyers, from what the user named."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Inventory
from ticketlab.core.plugin import Capability
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Kind, Spec
from ticketlab.lab.plugins.registry import launcher_kind, store_kind, strategies, strategy_kind

SENSIBLE: Final[Mapping[str, Sequence[str]]] = {
    "json": ("none", "lock", "filelock", "flock", "clerk", "clerk:socket"),
    "sqlite": ("none", "lock", "transaction:immediate", "optimistic", "atomic", "clerk:socket"),
    "manager": ("none", "lock", "manager-lock", "clerk", "clerk:socket"),
}
"""What is compared where nothing is named: each store unguarded, and under the cures that people choose between."""

BUYERS: Final = 8
MOST_BUYERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to measure."""

    store: Spec
    strategy: Spec
    launcher: Spec
    buyers: int

    @property
    def claims_safety(self) -> bool:
        """Whether the strategy is meant to keep the books right."""
        return strategy_kind(self.strategy).claims_safety(self.strategy)

    @property
    def pair(self) -> tuple[str, str]:
        """Store and strategy by their full names, the default variants included."""
        return full_name(self.store, store_kind), full_name(self.strategy, strategy_kind)

    @property
    def parts(self) -> Sequence[str] | None:
        """The strategy's moving parts; None where nobody has named them."""
        return strategy_kind(self.strategy).moving_parts(self.strategy)

    def scenario(self, orders: int) -> Scenario:
        """Return the race of one round; the stock meets the demand, so that every order is a sale."""
        stock = Inventory({"main": orders * self.buyers})
        return Scenario(self.store, self.strategy, self.buyers, stock, orders=orders, ledger=False)

    def command(self, orders: int) -> str:
        """Return the command line that runs one round again."""
        words = ["--store", self.store, "--strategy", self.strategy, "--launcher", self.launcher]
        words += ["--buyers", self.buyers, "--tickets", orders * self.buyers, "--orders", orders]
        return shlex.join(["ticketlab", "race", *map(str, words), "--latency", "none", "--no-ledger"])

    def __str__(self) -> str:
        return f"{self.strategy} on {self.store}, {self.launcher}, {self.buyers} buyer{'s' if self.buyers > 1 else ''}"


def full_name(spec: Spec, kind_of: Callable[[Spec], Kind]) -> str:
    """Return a spec's text with the variant that it leaves unsaid."""
    return str(replace(spec, variant=kind_of(spec).variant(spec)))


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A pair that cannot be measured, and why."""

    store: Spec
    strategy: Spec
    reason: str


@dataclass(frozen=True, slots=True)
class CellMatrix:
    """All cells of a comparison, and the pairs that were named and do not go together."""

    cells: Sequence[Cell]
    unsupported: Sequence[Unsupported]


def matrix(
    stores: Iterable[str], strategies: Iterable[str], launchers: Iterable[str], buyers: Iterable[str]
) -> CellMatrix:
    """Return the cells for what the user named; nothing named means what is sensible.

    Raises:
        UsageError: a name, a variant or a number is wrong, or nothing named goes together.
    """
    shelves, ways = split(stores), split(strategies)
    starters = split(launchers) or [Spec("process")]
    for launcher in starters:
        launcher_kind(launcher).settings(launcher)
    crowds = counts(buyers) or [BUYERS]
    cells: list[Cell] = []
    refused: list[Unsupported] = []
    for store in shelves or [Spec(name) for name in SENSIBLE]:
        shelf = store_kind(store)
        shelf.settings(store)
        if shelf.in_process:
            raise UsageError(f"{shelf.name} cannot be raced for, so it cannot be measured (explore it instead)")
        for strategy in ways or sensible(store):
            kind = strategy_kind(strategy)
            kind.settings(strategy)
            if reason := kind.unsupported_on(shelf):
                refused.append(Unsupported(store, strategy, reason))
            else:
                cells += [Cell(store, strategy, launcher, crowd) for crowd in crowds for launcher in starters]
    if not cells:
        raise UsageError(f"nothing to compare: {refused[0].reason} (see ticketlab strategies)")
    return CellMatrix(cells, refused)


def sensible(store: Spec) -> list[Spec]:
    """Return the strategies to compare on a store: for a stranger's store, the default variant of all that run.

    What is about holds is left out: orders are compared.
    """
    if store.name in SENSIBLE:
        return [Spec.parse(each) for each in SENSIBLE[store.name]]
    shelf = store_kind(store)
    orders = [kind for kind in strategies() if Capability.HOLDS not in kind.needs]
    return [Spec(kind.name) for kind in orders if not kind.unsupported_on(shelf)]


def split(texts: Iterable[str]) -> list[Spec]:
    """Read specs from comma lists, each once and in order.

    Options are written `key=value`, so a comma before one belongs to its spec, as in
    `json,sqlite:journal=delete,synchronous=off`; any other comma begins the next spec.

    Raises:
        UsageError: an entry is empty, or not a spec.
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


def counts(texts: Iterable[str]) -> list[int]:
    """Read numbers of buyers from comma lists, each once and in ascending order."""
    found = set()
    for text in texts:
        for part in map(str.strip, text.split(",")):
            if not (part.isascii() and part.isdigit() and 1 <= int(part[:9]) <= MOST_BUYERS):
                raise UsageError(
                    f"--buyers {text!r}: {part!r} is not a number of buyers from 1 to {MOST_BUYERS:,}; write 1,8,100"
                )
            found.add(int(part))
    return sorted(found)
