"""Declared columns: what a policy notes during an execution, by name, in memory that all processes share.

A policy chooses in whichever process yields the turn, so what it notes at one choice it may need in another process at
the next. It declares what it notes:

    class Lottery(Policy):
        tickets = PerParticipant()
        winners = PerStep()
        drawn = Number()

and reads and writes `self.tickets[who]`, `self.winners[node]` and `self.drawn[0]`: a number is a column of length 1.
Binding a policy to a state gives each declaration its column, in the order of declaration, which is the same in every
process. The columns are lent: the next policy that is bound gets the same memory, and finds what the one before left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.column_memory import Column, Memory, as_slice

MOST_NUMBERS: Final = 8
MOST_PER_PARTICIPANT: Final = 5
MOST_PER_STEP: Final = 2
_LENT_BY: Final = "_lent_by"  # the attribute of a bound object that says whose columns it has


class Declaration:
    """A column that a class declares; an instance has it in an attribute of the same name once it is bound."""

    name: str

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, owner: object, kind: type | None = None) -> Column:
        raise AttributeError(f"{self.name} is there once its owner is bound to a state")


class Number(Declaration):
    """A column of length 1."""


class PerParticipant(Declaration):
    """A column with a number for each participant."""


class PerStep(Declaration):
    """A column with a number for each step that an execution may have."""


class Declaring:
    """A class that may declare columns; `declared` lists them, those of its base class first."""

    declared: ClassVar[tuple[Declaration, ...]] = ()
    parts: Sequence[Declaring] = ()
    """Others that take turns within this one: each gets the columns that are left, and may overwrite the others'."""

    def __init_subclass__(cls) -> None:
        own = [one for one in vars(cls).values() if isinstance(one, Declaration)]
        cls.declared = (*cls.declared, *own)
        for one in own:
            delattr(cls, one.name)  # Python finds an attribute of an instance faster if its class has none

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy for another process needs: that process binds the columns anew."""
        lent = {_LENT_BY, *(one.name for one in self.declared)}
        return {name: value for name, value in vars(self).items() if name not in lent}


class LentColumns:
    """The columns that are lent to whichever policy is installed; laid out once, before processes are forked."""

    def __init__(self, size: int, bound: int, memory: Memory) -> None:
        self._columns: dict[type[Declaration], list[Column]] = {
            Number: [memory.column(1) for _ in range(MOST_NUMBERS)],
            PerParticipant: [memory.column(size) for _ in range(MOST_PER_PARTICIPANT)],
            PerStep: [memory.column(bound) for _ in range(MOST_PER_STEP)],
        }

    def bind(self, owner: Declaring) -> None:
        """Give an object the columns that its class declares; raises TicketlabError if these are too many."""
        if vars(owner).get(_LENT_BY) is not self:
            self._bind(owner, dict.fromkeys(self._columns, 0))

    def _bind(self, owner: Declaring, taken: dict[type[Declaration], int]) -> None:
        """Give an object its columns; of each kind so many are taken by what it is a part of."""
        for one in owner.declared:
            kind, columns = type(one), self._columns[type(one)]
            if taken[kind] == len(columns):
                raise TicketlabError(
                    f"{type(owner).__name__} declares more than {len(columns)} columns {kind.__name__}()"
                )
            setattr(owner, one.name, columns[taken[kind]])
            taken[kind] += 1
        for part in owner.parts:
            self._bind(part, dict(taken))
        setattr(owner, _LENT_BY, self)


def column_values(owner: Declaring) -> list[list[int]]:
    """Return what the columns of a bound object hold, and those of its parts, without the zeros at their ends."""
    held = [_without_zeros(getattr(owner, one.name)) for one in owner.declared]
    return [*held, *(values for part in owner.parts for values in column_values(part))]


def _without_zeros(column: Column) -> list[int]:
    values = list(column)
    while values and not values[-1]:
        values.pop()
    return values


def set_columns(owner: Declaring, values: Iterator[Sequence[int]]) -> None:
    """Have the columns of a bound object, and those of its parts, hold these values."""
    for one in owner.declared:
        column: Column = getattr(owner, one.name)
        held = next(values)
        column[: len(column)] = as_slice(column, [*held, *[0] * (len(column) - len(held))])
    for part in owner.parts:
        set_columns(part, values)
