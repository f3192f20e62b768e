"""Declared columns: what a policy needs to remember during an execution, by name, in memory that all processes share.

A policy chooses in whichever process yields the turn, so what it notes at one choice it may need in another process at
the next. It declares what it notes:

    class Lottery(Policy):
        tickets = PerParticipant()
        winners = PerStep()
        drawn = Number()

and reads and writes `self.tickets[who]`, `self.winners[node]` and `self.drawn`. Binding a policy to a state gives each
declaration its column, in the order of declaration, which is the same in every process. The columns are lent: the next
policy to be bound gets the same memory, and finds in it what the one before left there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, Self, overload

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.columns import Allocate, Column

LENT_BY: Final = "_lent_by"  # the attribute of a bound object that says whose columns it has
MOST_NUMBERS: Final = 8
MOST_PER_PARTICIPANT: Final = 4
MOST_PER_STEP: Final = 2


class Declaration:
    """A column that a class declares; `attribute` is where an instance keeps it once it is bound."""

    attribute = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = f"_{name}_column"


class _ManyNumbers(Declaration):
    """A column that its owner reads and writes by index."""

    def __get__(self, owner: object, kind: type | None = None) -> Column:
        column: Column = getattr(owner, self.attribute)
        return column


class PerParticipant(_ManyNumbers):
    """A number for each participant."""


class PerStep(_ManyNumbers):
    """A number for each step that an execution may have."""


class Number(Declaration):
    """A single number, kept in a column of length 1."""

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...

    @overload
    def __get__(self, owner: object, kind: type | None = None) -> int: ...

    def __get__(self, owner: object | None, kind: type | None = None) -> int | Self:
        if owner is None:
            return self
        number: int = getattr(owner, self.attribute)[0]
        return number

    def __set__(self, owner: object, value: int) -> None:
        getattr(owner, self.attribute)[0] = value


class LentColumns:
    """The columns that are lent to whichever policy is installed; laid out once, before processes are forked."""

    def __init__(self, size: int, bound: int, allocate: Allocate) -> None:
        self._columns: dict[type[Declaration], list[Column]] = {
            Number: [allocate(1) for _ in range(MOST_NUMBERS)],
            PerParticipant: [allocate(size) for _ in range(MOST_PER_PARTICIPANT)],
            PerStep: [allocate(bound) for _ in range(MOST_PER_STEP)],
        }

    def bind(self, owner: Any) -> None:
        """Give each of an object's declarations its column; raises TicketlabError if it declares too many."""
        if vars(owner).get(LENT_BY) is self:
            return
        left: dict[type[Declaration], Iterator[Column]] = {kind: iter(all_) for kind, all_ in self._columns.items()}
        for one in declarations(owner.__class__):
            column = next(left[type(one)], None)
            if column is None:
                most = len(self._columns[type(one)])
                raise TicketlabError(
                    f"{type(owner).__name__} declares more than {most} columns of the kind {type(one).__name__}"
                )
            setattr(owner, one.attribute, column)
        setattr(owner, LENT_BY, self)


def unbound(owner: Any) -> dict[str, Any]:
    """Return an object's attributes without its columns, as a copy for another process needs them."""
    lent = {LENT_BY, *(one.attribute for one in declarations(owner.__class__))}
    return {name: value for name, value in vars(owner).items() if name not in lent}


@cache
def declarations(kind: type) -> tuple[Declaration, ...]:
    """Return what a class declares, its base classes first."""
    found: dict[str, Declaration] = {}
    for one in reversed(kind.__mro__):
        found |= {name: value for name, value in vars(one).items() if isinstance(value, Declaration)}
    return tuple(found.values())
