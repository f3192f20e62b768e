"""Limits of the operating system: those that a large race would run into, and those that a buyer is held to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def limited_memory(mebibytes: int) -> Iterator[None]:
    """Let the calling process take only so much memory more than it has; what goes beyond raises MemoryError.

    What counts is memory of its own, not what it shares. Elsewhere than on Linux nothing is limited.
    """
    try:
        import resource

        with open("/proc/self/statm", "rb", buffering=0) as statm:  # text would have each buyer import its encoding
            pages = int(statm.read().split()[5])  # data and stack
    except (ImportError, OSError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = pages * resource.getpagesize() + (mebibytes << 20)
    if resource.RLIM_INFINITY not in (soft, hard):
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))  # so that there is room to say what went wrong
