"""A session whose store can check and change in one access: which requests that does for."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ticketlab.core.inventory import Buy, Cancel, Cancelled, Found, Outcome, Request, Search, Sold, SoldOut, Stock


class ConditionalSession(ABC):
    """Performs most requests in one access, and any other in one that nobody else's change can come into."""

    def apply(self, request: Request) -> Outcome:
        """Perform a request.

        A sale that finds enough tickets does not depend on whether holds have expired.
        """
        outcome: Outcome | None = None
        if isinstance(request, Search):
            stock = self.read(request.section)
            outcome = None if stock.holds else Found(stock.remaining)
        elif isinstance(request, Buy):
            outcome = self._sell_if_left(request)
        elif isinstance(request, Cancel) and not request.hold:
            outcome = self._give_back(request)
        return self._decide(request) if outcome is None else outcome

    @abstractmethod
    def read(self, section: str) -> Stock:
        """Read the section's record."""

    @abstractmethod
    def _sell_if_left(self, request: Buy) -> Sold | SoldOut | None:
        """Sell or refuse; return None if expired holds may have tickets for this request."""

    @abstractmethod
    def _give_back(self, request: Cancel) -> Cancelled:
        """Put tickets back that were sold."""

    @abstractmethod
    def _decide(self, request: Request) -> Outcome:
        """Perform any request, on a record that nobody else changes meanwhile."""
