"""Limits of the operating system: open files, which a large race needs many of, and the memory of each buyer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ticketlab.core.errors import TicketlabError

_FILES_OF_THE_LAB = 200
_FILES_A_BUYER = 6
"""Two for its process, two for a queue of answers, and two more for strategies that need them."""


def allow_open_files(buyers: int) -> None:
    """Raise the soft limit of open files, which is often 1,024, to what that many buyers need.

    Raises:
        TicketlabError: the hard limit is too low.
    """
    try:
        import resource
    except ImportError:  # not a Unix system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES_OF_THE_LAB + _FILES_A_BUYER * buyers
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard not in (resource.RLIM_INFINITY, -1) and hard < needed:
        raise TicketlabError(f"{buyers} buyers need {needed} open files, and the limit is {hard} (see ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


@contextmanager
def limited_memory(mebibytes: int) -> Iterator[None]:
    """Let the calling process allocate that much memory and no more; an allocation beyond it raises MemoryError.

    Only private memory counts, and not what the process has already. On systems other than Linux nothing is limited.
    """
    try:
        import resource

        with open("/proc/self/statm", "rb", buffering=0) as statm:  # as text, each buyer would import an encoding
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
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))  # so that the error can be reported
