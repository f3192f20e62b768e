"""What a store and a strategy are: the protocols to implement, and the kinds that entry points name.

A store keeps the books. Each buyer opens a session of its own, in its own process; nothing that was opened crosses a
fork. A strategy makes requests safe. What all buyers share of it (a lock, the clerk's queues) is prepared once, in the
lab's process, and handed to each buyer when it starts. `join` is each buyer's own part, and yields what performs its
requests. A strategy runs on the stores that have the capabilities which it needs.

A database server fits too: the address is an option (`Option(text=True)`), a session is a connection, and a statement
that the server refuses may abort its transaction (see `Transactional`, and `block` in `core.pacing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from ticketlab.core.inventory import Books, Buy, Cancel, Cancelled, Entry, Inventory, Outcome, Request, Stock
from ticketlab.core.spec import Kind, Spec

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext


class Capability(Enum):
    """What a store can do; the value reads after "needs"."""

    RECORDS = "records that are read and written"
    SHARED = "books that every process shares"
    FILE = "a file that a lock file can stand beside"
    TRANSACTION = "transactions"
    BEGIN_MODES = "transactions that begin deferred, immediate or exclusive"
    ISOLATION_LEVELS = "isolation levels"
    ROW_LOCKS = "locks on rows"
    ADVISORY_LOCKS = "advisory locks"
    NUMBERED_TICKETS = "numbered tickets"
    COMPARE_AND_SET = "compare-and-set on a version"
    CONDITIONAL_UPDATE = "a conditional update in one statement"
    DECREMENT = "a decrement that looks at nothing"
    LEASES = "leases that the server ends"
    TICKET_LISTS = "lists of tickets"
    STREAMS = "streams of orders"
    MANAGER = "a multiprocessing manager"
    HOLDS = "records that carry holds"


@runtime_checkable
class Session(Protocol):
    """One buyer's connection to a store with RECORDS; it passes a scheduling point before each access."""

    def read(self, section: str) -> Stock:
        """Return the section's record; raises TornRead if a half-written one is found."""

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Replace the section's record, whatever it says by now, and add the entry, if there is one, to the ledger."""


class Transactional(Session, Protocol):
    """A session of a store with TRANSACTION."""

    def transaction(self, mode: str) -> AbstractContextManager[None]:
        """Return a context that commits the accesses made in it, or rolls all of them back and raises Conflict.

        It raises Conflict where another buyer's transaction came first, whether an access or the commit was refused.
        The caller then repeats the whole transaction, so the store may abort it at the first refusal.
        """


class Versioned(Session, Protocol):
    """A session of a store with COMPARE_AND_SET."""

    def compare_and_set(self, stock: Stock, entry: Entry | None) -> bool:
        """Write the record if the version in the books is one less than `stock.version`; return whether it was."""


class RowLocking(Transactional, Protocol):
    """A session of a store with ROW_LOCKS."""

    def read_locked(self, section: str, *, wait: bool = True) -> Stock:
        """Lock the section's record until the transaction ends, and return it.

        Raises Conflict if the transaction is refused, or if `wait` is false and another buyer has locked the record.
        """


class AdvisoryLocking(Transactional, Protocol):
    """A session of a store with ADVISORY_LOCKS."""

    def take_advisory_lock(self) -> None:
        """Wait for the one advisory lock of all buyers, and take it; the database ties it to no transaction."""

    def end_advisory_lock(self) -> None:
        """Give the advisory lock back."""


class Numbering(Transactional, Protocol):
    """A session of a store with NUMBERED_TICKETS, after the store has made its table of numbers.

    A number is sold once, and void if it is cancelled.
    """

    def count_numbers(self, section: str) -> tuple[int, int]:
        """Count the section's numbers at one moment: those that were ever put on sale, and those that are sold."""

    def free_numbers(self, section: str, quantity: int) -> tuple[int, ...]:
        """Return the lowest free numbers, at most `quantity`; the table has a row for each number that is sold."""

    def lock_free_numbers(self, section: str, quantity: int) -> tuple[int, ...]:
        """Lock the lowest free numbers that nobody else has locked, at most `quantity`, until the transaction ends.

        The table lists all numbers.
        """

    def insert_numbers(self, entry: Entry) -> None:
        """Insert the numbers of a sale; raises Conflict if the table is keyed and another buyer has one of them."""

    def sell_numbers(self, entry: Entry) -> None:
        """Sell numbers that the transaction has locked."""

    def give_back(self, request: Cancel) -> Cancelled:
        """Cancel numbers that the buyer has, and put as many new ones on sale."""


class Conditional(Session, Protocol):
    """A session of a store with CONDITIONAL_UPDATE."""

    def apply(self, request: Request) -> Outcome:
        """Perform the request by statements that check and change in one step."""


class Decrementing(Conditional, Protocol):
    """A session of a store with DECREMENT."""

    def take(self, request: Buy) -> Outcome:
        """Sell the tickets without a look at how many are left: the stock may go below zero."""


class Lease(NamedTuple):
    """The answer to who asks for the lease: its token, or 0 and, if that is known, in how many seconds another ends."""

    token: int
    ends_in: float | None = None


class Leasing(Session, Protocol):
    """A session of a store with LEASES."""

    def take_lease(self, seconds: float | None) -> Lease:
        """Ask for the one lease of all buyers, which lasts so long, or for ever if that is None.

        Each lease's token is larger than the one before.
        """

    def end_lease(self, token: int) -> None:
        """Give the lease back, if it is still the one with this token."""

    def fenced(self, token: int) -> Session:
        """Return the session whose accesses show a token; each raises Conflict if the store has seen a newer one."""


class Store(Protocol):
    """The books of one race. It is handed to every buyer at start, so it must survive pickling then."""

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Write the opening stock; raises UsageError if there are books already, which it does not overwrite."""

    def reset(self) -> None:
        """Go back to the opening stock, in place, while sessions stay open."""

    def session(self) -> AbstractContextManager[Session]:
        """Open a session in the calling process."""

    def books(self) -> Books:
        """Read everything afresh; raises TornRead if they are half-written, GaveUp if they stay locked."""

    def close(self) -> None:
        """Give back what `create` took, except the data."""


@runtime_checkable
class FileStore(Store, Protocol):
    """A store with FILE."""

    @property
    def path(self) -> Path:
        """The file that holds the books."""


class ManagedStore(Store, Protocol):
    """A store with MANAGER."""

    def lock(self) -> AbstractContextManager[bool]:
        """Return a new lock that lives in the manager's process."""


class NumberedStore(Store, Protocol):
    """A store with NUMBERED_TICKETS."""

    def number_tickets(self, *, listed: bool, keyed: bool) -> None:
        """Make the table of numbers, before anybody buys.

        `listed` says that it has a row for each number from the beginning, and not only for those that are sold;
        `keyed` that it refuses a second row for a number. Raises UsageError if there are too many tickets.
        """


@runtime_checkable
class SeizableStore(Store, Protocol):
    """A store that a program outside the race can keep locked."""

    def seize(self) -> AbstractContextManager[None]:
        """Lock the store as an outside program does, until the context ends; do nothing if it is locked already."""


@runtime_checkable
class ServedStore(Store, Protocol):
    """A store whose books live in processes of its own."""

    def servers(self) -> Sequence[int]:
        """Return the process ids of these processes."""


@dataclass(frozen=True, slots=True)
class StrategyContext:
    """What a strategy is prepared with: how processes start, a folder for its files, the store, how many buyers."""

    context: BaseContext
    folder: Path
    store: Store
    buyers: int


Perform = Callable[[Request], Outcome]


class Strategy(Protocol):
    """One way to keep purchases safe, or not to."""

    def prepare(self, setting: StrategyContext) -> None:
        """Make what all buyers share; it is called once, in the lab's process."""

    def services(self) -> Sequence[Callable[[], None]]:
        """Return what the processes that serve the buyers run, each until `stop_services` is called."""

    def join(self, store: Store, buyer: int) -> AbstractContextManager[Perform]:
        """Open, in the buyer's own process, what the buyer needs, and yield what performs its requests."""

    def stop_services(self) -> None:
        """Tell the services to stop; it is called once, after the last buyer has ended."""

    def close(self) -> None:
        """Give back what `prepare` took."""


@runtime_checkable
class Resettable(Strategy, Protocol):
    """A strategy whose files keep something of past requests; an exploration resets them before each execution."""

    def reset(self) -> None:
        """Put the files back to what `prepare` made, in place, while buyers and services stay."""


@dataclass(frozen=True, kw_only=True)
class StoreKind(Kind):
    """A store by name; `build(folder, variant, **options)` makes one whose files stand in that folder.

    `in_process` says that its books never leave one process: they can be explored there, and cannot be raced for.
    `process_locks` says that its locks belong to a process, which loses them when it closes the store's file anywhere,
    as POSIX locks are lost. `toured` and `compared` name the strategies that people choose between on this store, the
    unsynchronized one first: `ticketlab race` and `ticketlab compare` take them if no strategy is named. A store that
    names none is left out if no store is named either; so is one that is `on_request`, since it takes more than this
    package.
    """

    capabilities: frozenset[Capability]
    build: Callable[..., Store]
    in_process: bool = False
    process_locks: bool = False
    on_request: bool = False
    toured: Sequence[str] = ()
    compared: Sequence[str] = ()

    def make(self, spec: Spec, folder: Path) -> Store:
        """Build the store that a spec names, its files in `folder`."""
        return self.build(folder, self.variant(spec), **self.settings(spec))


@dataclass(frozen=True, kw_only=True)
class StrategyKind(Kind):
    """A strategy by name; `build(variant, **options)` makes one. `wrong` names the variants that are wrong on purpose.

    A kind without variants is wrong if `wrong` has the empty string. `also_needs` has what a variant needs beside
    `needs`. `parts` names what has to work beside the store and the purchase itself, for a variant by its name, and for
    all others under the empty string: the fewer parts, the simpler the strategy. A kind without `parts` is not ranked.
    `asks_who_lives` names the variants that break the lock of a holder whose process has died, `opens_data_file` those
    that open the store's own file, `without_holds` those that cannot hold tickets. `has_services` says that service
    processes are started for the buyers; `uncontrolled` names, by option, the values with which these start processes
    of their own, which no exploration can control. `reasons` says why the books stay right, by variant as `parts` does.
    """

    needs: frozenset[Capability]
    build: Callable[..., Strategy]
    also_needs: Mapping[str, frozenset[Capability]] = field(default_factory=dict)
    wrong: frozenset[str] = field(default=frozenset())
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    asks_who_lives: frozenset[str] = field(default=frozenset())
    opens_data_file: frozenset[str] = field(default=frozenset())
    without_holds: frozenset[str] = field(default=frozenset())
    has_services: bool = False
    uncontrolled: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def make(self, spec: Spec) -> Strategy:
        """Build the strategy that a spec names."""
        return self.build(self.variant(spec), **self.settings(spec))

    def claims_safety(self, spec: Spec) -> bool:
        """Return whether this strategy is meant to keep the books right."""
        return self.variant(spec) not in self.wrong

    def keeps_holds(self, spec: Spec) -> bool:
        """Return whether this strategy can hold tickets on a store that keeps holds."""
        return self.variant(spec) not in self.without_holds

    def moving_parts(self, spec: Spec) -> Sequence[str] | None:
        """Return the parts that the spec's variant needs beside the store, or None if its author does not say."""
        return self.parts.get(self.variant(spec), self.parts.get(""))

    def missing_on(self, store: StoreKind, variant: str | None = None) -> list[str]:
        """Return the capabilities that a variant needs and a store does not have, in words.

        Without a variant it is the one that lacks the least.
        """
        if variant is None:
            return min((self.missing_on(store, each) for each in self.variants or ("",)), key=len)
        missing = self.needs - store.capabilities or self.also_needs.get(variant, frozenset()) - store.capabilities
        return [capability.value for capability in Capability if capability in missing]

    def unsupported_on(self, store: StoreKind, spec: Spec | None = None) -> str:
        """Return why a spec of this strategy, or else every variant, cannot run on a store; empty if it can."""
        variant = None if spec is None else self.variant(spec)
        missing = self.missing_on(store, variant)
        if not missing:
            return ""
        running = [f"{self.name}:{each}" for each in self.variants if not self.missing_on(store, each)]
        name, instead = (f"{self.name}:{variant}", f" ({', '.join(running)} run there)") if running else (self.name, "")
        return f"{name} needs {' and '.join(missing)}; {store.name} has none{instead}"
