"""Limits of the operating system that a large race would run into."""

from __future__ import annotations

from ticketlab.core.errors import TicketlabError

FILES_OF_THE_LAB = 200
FILES_A_BUYER = 6
"""Two for its process, two for a queue of answers, and room for a strategy that has more."""


def allow_open_files(buyers: int) -> None:
    """Raise the soft limit of open files, which is often 1,024, as far as so many buyers need.

    Raises:
        TicketlabError: the hard limit is too low.
    """
    try:
        import resource
    except ImportError:  # not a Unix system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES_OF_THE_LAB + FILES_A_BUYER * buyers
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard not in (resource.RLIM_INFINITY, -1) and hard < needed:
        raise TicketlabError(f"{buyers} buyers need {needed} open files, and the limit is {hard} (see ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
