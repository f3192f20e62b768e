"""Trouble with files, as the kernel makes it: limits of the calling process, in force for the access at hand.

It stands here because faults strike in controlled executions (`ticketlab.explore`) and in live races
(`ticketlab.launch`) alike.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from ticketlab.core.faults import FaultKind
from ticketlab.core.pacing import Step

FIRST_BYTES: Final = 20
"""How much of a short write is written."""


@contextmanager
def failing_io(kind: FaultKind, step: Step) -> Iterator[None]:
    """Have an access meet its trouble while the context lasts; raises OSError where that stands in its place."""
    limits: AbstractContextManager[None] = nullcontext()
    match kind:
        case FaultKind.IO_ERROR:
            raise OSError(errno.EIO, os.strerror(errno.EIO), step.resource)
        case FaultKind.DISK_FULL:
            limits = _limited("RLIMIT_FSIZE", 0)
        case FaultKind.SHORT_WRITE:
            limits = _limited("RLIMIT_FSIZE", FIRST_BYTES)
        case FaultKind.NO_FILES:
            limits = _limited("RLIMIT_NOFILE", 0)
    with limits:
        yield


@contextmanager
def _limited(what: str, most: int) -> Iterator[None]:
    import resource  # only Unix systems have it

    number = getattr(resource, what)
    soft, hard = resource.getrlimit(number)
    compiles, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # half a module would be kept, and break the next
    resource.setrlimit(number, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(number, (soft, hard))
        sys.dont_write_bytecode = compiles
