"""What the objects of multiprocessing hold that a function can reach, when a live race has left them.

A race has no probes in place, so the objects are read as they are: a manager's by a message to its server, others from
the memory that the processes share. What cannot be read, such as a queue or a lock, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.managers import BaseProxy, RemoteError
from multiprocessing.shared_memory import ShareableList, SharedMemory
from typing import Any

from ticketlab.lab.plain.function import PlainFunction
from ticketlab.probes.shared.contents import content_text
from ticketlab.probes.shared.reachable import reachable
from ticketlab.probes.shared.values import find_memory


def shared_contents(plain: PlainFunction) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each object that processes share and the function can reach."""
    for name, value, _ in reachable({"function": plain.function}):
        content = None
        with suppress(OSError, EOFError, RemoteError):  # a server that has gone, or an object that cannot be sent
            content = _content(value)
        if content is not None:
            yield name, content


def _content(value: Any) -> bytes | None:
    if isinstance(value, BaseProxy):
        proxy: Any = value
        return content_text(proxy._callmethod("#GETVALUE"), frozenset({proxy._token.id})).encode()
    if (memory := find_memory(value)) is not None:
        return memory.content()
    if isinstance(value, ShareableList):
        value = value.shm
    return bytes(value.buf or b"") if isinstance(value, SharedMemory) else None
