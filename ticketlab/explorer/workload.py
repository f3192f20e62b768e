"""Who takes part in an exploration and what each of them does: what an executor needs to know of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

from ticketlab.core.errors import PurchaseError, TicketlabError
from ticketlab.core.faults import FaultPoint

Performer = Callable[[Any], Any]
Place = tuple[int, int]  # a request: its buyer, from 0, and its place in the buyer's script
NOTHING: Final[frozenset[Place]] = frozenset()
FaultPoints = tuple[FaultPoint, ...]  # at most one for each participant


class Workload(Protocol):
    """The participants. An executor opens it, runs it as often as it likes with a reset before each time, closes it.

    After an execution that had to be broken off (a deadlock), or in which a fault struck, the cast is closed and opened
    again.
    """

    @property
    def scripts(self) -> Sequence[Sequence[Any]]:
        """What each buyer asks for, in order; the first buyer's requests come first."""

    def open(self) -> Sequence[Callable[[], None]]:
        """Make what all share, in the leading process; return the staff that serves the buyers for ever."""

    def join(self, buyer: int) -> AbstractContextManager[Performer]:
        """Take part as a buyer (numbered from 1), in its own process; yield what performs its requests."""

    def reset(self) -> None:
        """Put everything shared back to where it was before the first execution, in place."""

    def close(self) -> None:
        """Give back what `open` took."""


class FaultableWorkload(Workload, Protocol):
    """A cast that faults of every kind can strike; any cast will do for those that need neither of these."""

    def seize(self) -> AbstractContextManager[object]:
        """Keep the store locked for a while, as an outsider does."""

    def servers(self) -> Sequence[int]:
        """Return the process numbers of the store's servers."""


class RequestRecord(NamedTuple):
    """How one request went: its buyer (from 0), its place in the buyer's script, and what came of it.

    Its steps are those of the buyer's from `since` up to, not including, `until`. `outcome` is what was returned or, of
    a request that raised, the exception. `returned` is the virtual time of its return where virtual time orders steps.
    """

    buyer: int
    request: int
    outcome: Any
    since: int
    until: int
    returned: int


def outcome_of(perform: Performer, request: Any) -> Any:
    """Return what came of a request: its outcome, or the exception that it raised."""
    try:
        return perform(request)
    except TicketlabError as error:
        if isinstance(error, PurchaseError):
            return error
        raise  # the lab's own trouble, not the buyer's
    except Exception as error:  # whatever the code under test raises is what came of it
        return error


def crashed(outcome: Any) -> bool:
    """Whether a request ended in an exception that is no answer of the store's."""
    return isinstance(outcome, Exception) and not isinstance(outcome, PurchaseError)
