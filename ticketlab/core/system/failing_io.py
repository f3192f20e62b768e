"""Failures of files, made by the kernel: limits of the calling process that hold during one access.

It stands in `core` because both explored executions (`ticketlab.explorer`) and live races (`ticketlab.launch`) use it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from ticketlab.core.faults import FaultKind
from ticketlab.core.steps import Step

_SHORT_WRITE: Final = 20
"""How many bytes of a short write are written."""


@contextmanager
def failing_io(kind: FaultKind, step: Step) -> Iterator[None]:
    """Let the access within the context fail as the fault says; raises OSError if the fault replaces the access."""
    limits: AbstractContextManager[None] = nullcontext()
    match kind:
        case FaultKind.IO_ERROR:
            raise OSError(errno.EIO, os.strerror(errno.EIO), step.resource)
        case FaultKind.DISK_FULL:
            limits = _limited("RLIMIT_FSIZE", 0)
        case FaultKind.SHORT_WRITE:
            limits = _limited("RLIMIT_FSIZE", _SHORT_WRITE)
        case FaultKind.NO_FILES:
            limits = _limited("RLIMIT_NOFILE", 0)
    with limits:
        yield


@contextmanager
def _limited(what: str, most: int) -> Iterator[None]:
    import resource  # only Unix systems have it

    number = getattr(resource, what)
    soft, hard = resource.getrlimit(number)
    compiles, sys.dont_write_bytecode = (
        sys.dont_write_bytecode,
        True,
    )  # a module cut short would be kept, and fail at the next import
    resource.setrlimit(number, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(number, (soft, hard))
        sys.dont_write_bytecode = compiles
