"""Memory that processes share and no probe sees: `SharedMemory`, `ShareableList` and `mmap`.

C code reads and writes it, so nothing stands in for it. A function that can come to it is told to have done so.
"""

from __future__ import annotations

from typing import Any

from ticketlab.core.system.own_memory import is_own
from ticketlab.probes.here import HERE
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.registry import SharedObject


class UnseenMemory(SharedObject):
    """Mapped memory, which is put back if it belongs to a `SharedMemory`."""

    def attach(self, name: str, put: Put | None) -> None:
        """Say that it is not seen."""
        super().attach(name, put)
        kind = type(self.value).__name__
        HERE.shared.blind.append(
            f"the function can come to the {kind} {name}, and the lab does not see what is done there"
        )

    def save(self) -> bytes | None:
        """Return the bytes."""
        buffer = getattr(getattr(self.value, "shm", self.value), "buf", None)
        return None if buffer is None else bytes(buffer)

    def restore(self, saved: bytes | None) -> None:
        """Put the bytes back."""
        if saved is not None:
            getattr(self.value, "shm", self.value).buf[:] = saved


def find_unseen_memory(value: Any) -> SharedObject | None:
    """Return what memory is that has been mapped."""
    from mmap import mmap
    from multiprocessing.shared_memory import ShareableList, SharedMemory

    if isinstance(value, mmap) and is_own(value):
        return None
    return UnseenMemory(value) if isinstance(value, mmap | SharedMemory | ShareableList) else None
