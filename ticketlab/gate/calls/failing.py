"""Faults in files: a stopped call is answered with an error, or does a part of its work."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Final

from ticketlab.core.faults import FaultKind
from ticketlab.gate.calls.call import Reply, StoppedCall
from ticketlab.gate.processes import Task

_ERRORS: Final = {
    FaultKind.DISK_FULL: errno.ENOSPC,
    FaultKind.IO_ERROR: errno.EIO,
    FaultKind.NO_FILES: errno.EMFILE,
    FaultKind.SHORT_WRITE: errno.ENOSPC,
}


def failing(kind: FaultKind, task: Task, call: StoppedCall) -> Reply:
    """Return the answer to a call into which a fault is injected; a short write writes the first half."""
    if kind is FaultKind.SHORT_WRITE and call.written is not None:
        descriptor, address, size = call.written
        half = task.process.read(address, size // 2)
        with suppress(OSError):
            copy = task.process.copy_of(descriptor)
            try:
                return Reply(os.write(copy, half) if half else -errno.ENOSPC)
            finally:
                os.close(copy)
    return Reply(-_ERRORS[kind])
