"""What a store, a strategy and a launcher are: the protocols to implement, and the kinds that entry points name.

A store keeps the books. Each buyer opens a session of its own, in its own process; nothing opened crosses a fork.
A strategy makes a request safe. What all buyers share of it (a lock, the clerk's queues) is prepared once, in the lab's
process, and handed over when a buyer starts; `join` is each buyer's own part, and yields what performs its requests.
Which strategy runs on which store follows from capabilities: the store has them, the strategy needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ticketlab.core.inventory import Books, Entry, Inventory, Outcome, Request, Stock
from ticketlab.core.spec import Kind, Spec

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext


class Capability(Enum):
    """What a store can do; the value reads after "needs"."""

    RECORDS = "records that are read and written"
    SHARED = "books that every process shares"
    FILE = "a file that a lock file can stand beside"
    TRANSACTION = "transactions"
    COMPARE_AND_SET = "compare-and-set on a version"
    CONDITIONAL_UPDATE = "a conditional update in one statement"
    MANAGER = "a multiprocessing manager"
    HOLDS = "records that carry holds"


@runtime_checkable
class Session(Protocol):
    """One buyer's connection to a store with RECORDS; it passes a scheduling point before each access."""

    def read(self, section: str) -> Stock:
        """Return the section's record as it stands; raises TornRead where it cannot be made out."""

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Put the record in place of whatever stands there, and the entry, if any, into the ledger."""


class Transactional(Session, Protocol):
    """A session of a store with TRANSACTION."""

    def transaction(self, mode: str) -> AbstractContextManager[None]:
        """Commit what is done inside, or roll it back and raise Conflict where another buyer's came first."""


class Versioned(Session, Protocol):
    """A session of a store with COMPARE_AND_SET."""

    def compare_and_set(self, stock: Stock, entry: Entry | None) -> bool:
        """Write the record if the version in the books is still the one before `stock.version`; say whether it was."""


class Conditional(Session, Protocol):
    """A session of a store with CONDITIONAL_UPDATE."""

    def apply(self, request: Request) -> Outcome:
        """Perform the request by statements that check and change at once."""


class Store(Protocol):
    """The books of one race. It is handed to every buyer at start, so it must survive pickling then."""

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Write the opening stock; raises UsageError rather than overwrite anything that stands there."""

    def reset(self) -> None:
        """Go back to the opening stock, in place, while sessions stay open."""

    def session(self) -> AbstractContextManager[Session]:
        """Open a session in the calling process."""

    def books(self) -> Books:
        """Read everything afresh; raises TornRead where the books cannot be made out."""

    def close(self) -> None:
        """Give back what `create` took, the data excepted."""


class FileStore(Store, Protocol):
    """A store with FILE."""

    @property
    def path(self) -> Path:
        """The file that holds the books."""


class ManagedStore(Store, Protocol):
    """A store with MANAGER."""

    def lock(self) -> AbstractContextManager[bool]:
        """Return a new lock that lives in the manager's process."""


@runtime_checkable
class SeizableStore(Store, Protocol):
    """A store that somebody else can keep locked."""

    def seize(self) -> AbstractContextManager[None]:
        """Keep the store locked for a while, as an outsider does; nothing where somebody else does already."""


@runtime_checkable
class ServedStore(Store, Protocol):
    """A store whose books live in processes of its own."""

    def servers(self) -> Sequence[int]:
        """Return the numbers of these processes."""


@dataclass(frozen=True, slots=True)
class StrategyContext:
    """Where a strategy is prepared: how processes start, a folder for its files, the store, the number of buyers."""

    context: BaseContext
    folder: Path
    store: Store
    buyers: int


Perform = Callable[[Request], Outcome]


class Strategy(Protocol):
    """One way to keep purchases safe, or not to."""

    def prepare(self, setting: StrategyContext) -> None:
        """Make what all buyers share; called once, in the lab's process."""

    def services(self) -> Sequence[Callable[[], None]]:
        """Return the processes that serve the buyers: each runs until `stop_services`."""

    def join(self, store: Store, buyer: int) -> AbstractContextManager[Perform]:
        """Take part, in the buyer's own process: open what the buyer needs, and yield what performs its requests."""

    def stop_services(self) -> None:
        """Tell the staff to go home; called once, after the last buyer."""

    def close(self) -> None:
        """Give back what `prepare` took."""


@runtime_checkable
class Resettable(Strategy, Protocol):
    """A strategy whose files remember the requests of one execution; explorations put them back before the next."""

    def reset(self) -> None:
        """Put the files back to what `prepare` made them, in place, while buyers and staff stay."""


@dataclass(frozen=True, kw_only=True)
class StoreKind(Kind):
    """A store by name; `build(folder, variant, **options)` makes one whose files stand in that folder.

    `in_process` says that its books never leave one process: they can be explored there, and not raced for.
    """

    capabilities: frozenset[Capability]
    build: Callable[..., Store]
    in_process: bool = False

    def make(self, spec: Spec, folder: Path) -> Store:
        """Build the store that a spec names, its files in `folder`."""
        return self.build(folder, self.variant(spec), **self.settings(spec))


@dataclass(frozen=True, kw_only=True)
class StrategyKind(Kind):
    """A strategy by name; `build(variant, **options)` makes one. `wrong` names the variants that are wrong on purpose.

    A kind without variants is wrong as a whole where `wrong` holds the empty string. `parts` names, for each variant
    that differs and for all others under the empty string, what must be there and work beside the store and the
    purchase itself: the fewer parts, the simpler the strategy. A kind that names none has no rank. `asks_who_lives`
    names the variants that take a lock from a holder whose process is no more.
    """

    needs: frozenset[Capability]
    build: Callable[..., Strategy]
    wrong: frozenset[str] = field(default=frozenset())
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asks_who_lives: frozenset[str] = field(default=frozenset())

    def make(self, spec: Spec) -> Strategy:
        """Build the strategy that a spec names."""
        return self.build(self.variant(spec), **self.settings(spec))

    def claims_safety(self, spec: Spec) -> bool:
        """Whether this strategy is meant to keep the books right."""
        return self.variant(spec) not in self.wrong

    def moving_parts(self, spec: Spec) -> Sequence[str] | None:
        """Return the parts that the spec's variant needs beside the store; None where its author does not say."""
        return self.parts.get(self.variant(spec), self.parts.get(""))

    def missing_on(self, store: StoreKind) -> list[str]:
        """Return what this strategy needs and a store does not have, in words."""
        return [capability.value for capability in Capability if capability in self.needs - store.capabilities]

    def unsupported_on(self, store: StoreKind) -> str:
        """Return why this strategy cannot run on a store, or an empty string where it can."""
        missing = self.missing_on(store)
        return f"{self.name} needs {' and '.join(missing)}; {store.name} has none" if missing else ""
