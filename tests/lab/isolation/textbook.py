"""A second judge of the scenarios: stores as textbooks have them, in memory, run by brute force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import permutations

from ticketlab.lab.isolation.transactions import (
    OPENING,
    IsolationScenario,
    Seen,
    TableStatement,
    TableVerb,
    TransactionOutcome,
)

Rows = dict[str, int]
Changes = dict[str, int | None]


class Textbook(Enum):
    """How transactions are kept apart: not at all; by row locks; by snapshots, of which the first to write wins."""

    NOTHING = "nothing"
    LOCKS = "locks"
    SNAPSHOTS = "snapshots"


class Refused(Exception):
    """Another transaction has written the row since the snapshot."""


class HasToWait(Exception):
    """Another transaction has locked the row."""


def evaluated(statement: TableStatement, rows: Rows) -> tuple[Seen, Changes]:
    """Return what a statement tells, and which rows it changes to what; None stands for a row that is deleted."""
    name, number = statement.name, statement.number or 0
    found = sorted(each for each, value in rows.items() if value == number)
    match statement.verb:
        case TableVerb.READ:
            return rows.get(name), {}
        case TableVerb.FIND:
            return tuple(found), {}
        case TableVerb.WRITE | TableVerb.INSERT:
            return 1, {name: number}
        case TableVerb.ADD:
            return len(rows), {each: value + number for each, value in rows.items()}
        case TableVerb.DELETE:
            return len(found), dict.fromkeys(found)


def changed(rows: Rows, changes: Changes) -> Rows:
    """Return rows after changes."""
    return {name: value for name, value in (rows | changes).items() if value is not None}


class Store:
    """The rows, and what each transaction that is open has changed."""

    def __init__(self, book: Textbook) -> None:
        self.book = book
        self.rows: Rows = dict(OPENING)
        self.writes = dict.fromkeys(OPENING, 0)  # how often each row was committed
        self.snapshots: dict[int, tuple[Rows, dict[str, int]]] = {}
        self.own: dict[int, Changes] = {}
        self.before: dict[int, Rows] = {}

    def execute(self, who: int, statement: TableStatement) -> Seen:
        """Execute a statement of a transaction."""
        own = self.own.setdefault(who, {})
        self.before.setdefault(who, self.rows)
        base, writes = self.rows, self.writes
        if self.book is Textbook.SNAPSHOTS:
            base, writes = self.snapshots.setdefault(who, (self.rows, dict(self.writes)))
        seen, changes = evaluated(statement, changed(base, own))
        if self.book is Textbook.NOTHING:
            self.rows = changed(self.rows, changes)
            return seen
        locked = {name for other, theirs in self.own.items() if other != who for name in theirs}
        if self.book is Textbook.LOCKS and locked & changes.keys():
            raise HasToWait
        if any(name in locked or writes.get(name, 0) != self.writes.get(name, 0) for name in changes):
            raise Refused
        own |= changes
        return seen

    def commit(self, who: int) -> None:
        """Commit."""
        own = self.own.pop(who)
        self.rows = changed(self.rows, own)
        self.writes |= {name: self.writes.get(name, 0) + 1 for name in own}

    def roll_back(self, who: int) -> None:
        """Roll back; where nothing keeps transactions apart, this puts back what was there before."""
        self.own.pop(who, None)
        if self.book is Textbook.NOTHING:
            self.rows = self.before[who]


def shown(scenario: IsolationScenario, schedule: Sequence[int], book: Textbook) -> bool:
    """Return whether a schedule shows the anomaly; one in which somebody would have to wait is none."""
    store, size = Store(book), len(scenario.transactions)
    seen: list[list[Seen]] = [[] for _ in range(size)]
    refused: set[int] = set()
    for who in schedule:
        script = scenario.transactions[who]
        if who in refused:
            continue
        try:
            if len(seen[who]) < len(script.statements):
                seen[who].append(store.execute(who, script.statements[len(seen[who])]))
            else:
                (store.roll_back if script.aborts else store.commit)(who)
        except HasToWait:
            return False
        except Refused:
            refused.add(who)
            store.roll_back(who)
    outcomes = [
        TransactionOutcome(
            who not in refused and not scenario.transactions[who].aborts,
            tuple(seen[who]),
            "written since" if who in refused else "",
        )
        for who in range(size)
    ]
    return scenario.occurred(outcomes, store.rows)


def lengths(scenario: IsolationScenario) -> list[int]:
    """Return how many steps each transaction has, its end included."""
    return [len(script.statements) + 1 for script in scenario.transactions]


def all_schedules(left: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield every order of so many steps of each transaction."""
    if not any(left):
        yield ()
    for who, steps in enumerate(left):
        if steps:
            for rest in all_schedules([each - (one == who) for one, each in enumerate(left)]):
                yield (who, *rest)


def serial_schedules(scenario: IsolationScenario) -> Iterator[tuple[int, ...]]:
    """Yield every order of whole transactions."""
    steps = lengths(scenario)
    for order in permutations(range(len(steps))):
        yield tuple(who for who in order for _ in range(steps[who]))
