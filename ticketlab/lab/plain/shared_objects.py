"""What the objects of multiprocessing hold that a function can reach, when a live race has left them.

A race has no probes in place, so the objects are read as they are: a manager's by a message to its server, others from
the memory that the processes share. What cannot be read, such as a queue or a lock, is left out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.managers import BaseProxy, DictProxy
from multiprocessing.shared_memory import ShareableList, SharedMemory
from multiprocessing.sharedctypes import SynchronizedBase
from typing import Any, Final

from ticketlab.lab.plain.function import PlainFunction
from ticketlab.probes.shared.reachable import reachable

_IN_MEMORY: Final = (ctypes.Structure, ctypes.Array, ctypes._SimpleCData)


def shared_contents(plain: PlainFunction) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each object that processes share and the function can reach."""
    for name, value, _ in reachable({"function": plain.function}):
        with suppress(Exception):  # a server that has gone, or an object that cannot be sent, has no content to compare
            content = _content(value)
            if content is not None:
                yield name, content


def _content(value: Any) -> bytes | None:
    if isinstance(value, BaseProxy):
        ask: Any = value._callmethod
        held = ask("#GETVALUE")
        return repr(sorted(held.items(), key=repr) if isinstance(value, DictProxy) else held).encode()
    if isinstance(value, SynchronizedBase):
        return bytes(value.get_obj())
    if isinstance(value, _IN_MEMORY) and hasattr(value, "_wrapper"):  # it was made by RawValue or RawArray
        return bytes(value)
    if isinstance(value, ShareableList):
        value = value.shm
    return bytes(value.buf or b"") if isinstance(value, SharedMemory) else None
