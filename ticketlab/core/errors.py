"""The errors of the lab and of purchases; a purchase error says whether the request certainly had no effect."""

from __future__ import annotations

from collections.abc import Iterable


class TicketlabError(Exception):
    """The lab could not do its work; the message is one line for its user."""

    exit_code = 4


class UsageError(TicketlabError):
    """What the user asked for was wrong; the message says what was found and what would be right."""

    exit_code = 2


class PurchaseError(TicketlabError):
    """A request to the inventory failed; if `definite` is set, it certainly had no effect."""

    definite = False


class TornRead(PurchaseError):
    """A reader found a half-written record; the request had no effect."""

    definite = True


class Conflict(PurchaseError):
    """The store refused a change because another buyer's came first; it had no effect and may be tried again."""

    definite = True


class GaveUp(PurchaseError):
    """A strategy used up its retries; the request had no effect."""

    definite = True


class ClerkGone(PurchaseError):
    """The clerk never answered; it may or may not have made the sale."""


def unknown_name(what: str, found: str, known: Iterable[str]) -> UsageError:
    """Return the error for an unknown name; it suggests the closest known name, or lists all if none is close."""
    from difflib import get_close_matches  # imported here: names are seldom misspelt

    names = {name.casefold(): name for name in sorted(known)}
    close = get_close_matches(found.casefold(), names, n=1)
    hint = f"did you mean {names[close[0]]!r}?" if close else f"choose from {', '.join(names.values())}"
    return UsageError(f"unknown {what} {found!r}: {hint}")
