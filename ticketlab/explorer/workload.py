"""Who takes part in an exploration, and what each of them does: all that an executor knows of what is explored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

from ticketlab.core.errors import PurchaseError, TicketlabError
from ticketlab.core.faults import FaultPoint

Performer = Callable[[Any], Any]
"""Makes a request, and returns what came of it."""
Place = tuple[int, int]
"""A request: its buyer, from 0, and its place in the buyer's script."""
NOTHING: Final[frozenset[Place]] = frozenset()
FaultPoints = tuple[FaultPoint, ...]
"""Faults to inject in one execution, at most one for each participant."""


class Workload(Protocol):
    """The participants: buyers, each with a script of requests, and services that serve them for ever.

    An executor opens a workload, runs one execution after another with a reset before each, and closes it. After an
    execution that was broken off (a deadlock) or in which a fault was injected, it closes and opens the workload again.
    """

    @property
    def scripts(self) -> Sequence[Sequence[Any]]:
        """The requests of each buyer, in order; the first buyer's script comes first."""

    def open(self) -> Sequence[Callable[[], None]]:
        """Make what all share, in the leading process; return the services, each of which serves buyers for ever."""

    def join(self, buyer: int) -> AbstractContextManager[Performer]:
        """Take part as a buyer (numbered from 1), in the buyer's process; yield what performs its requests."""

    def reset(self) -> None:
        """Put everything shared back to where it was before the first execution, in place."""

    def close(self) -> None:
        """Give back what `open` took."""


class FaultableWorkload(Workload, Protocol):
    """A workload into which every kind of fault can be injected; most kinds need neither of these methods."""

    def seize(self) -> AbstractContextManager[object]:
        """Keep the store locked for a while, as an outsider does."""

    def servers(self) -> Sequence[int]:
        """Return the process numbers of the store's servers."""


class RequestRecord(NamedTuple):
    """How one request went: its buyer (from 0), its place in the buyer's script, and what came of it.

    Its steps are the buyer's steps from number `since` up to `until`, not included. `outcome` is what was returned or,
    if the request raised, the exception. `returned` is the virtual time of the return, if virtual time orders steps.
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
        raise  # the lab failed, and not the buyer
    except Exception as error:  # whatever the code under test raises is what came of it
        return error


def crashed(outcome: Any) -> bool:
    """Whether a request ended in an exception that is no answer of the store's."""
    return isinstance(outcome, Exception) and not isinstance(outcome, PurchaseError)
