"""What every way to write a file is made of, on bare descriptors: a file object asks the kernel five questions more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

PIECE: Final = 1 << 16
"""How much is read at once; a file gives less only at its end."""


@contextmanager
def opened(path: str, flags: int) -> Iterator[int]:
    """Open a file's descriptor for a while."""
    file = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        yield file
    finally:
        os.close(file)


def read_whole(path: str) -> bytes:
    """Return all that a file holds."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(file, PIECE)
        while len(content) % PIECE == 0 and (more := os.read(file, PIECE)):
            content += more
    finally:
        os.close(file)
    return content


def write_whole(file: int, content: bytes) -> None:
    """Write all of the content, as often as the system takes only a part of it."""
    while content:
        content = content[os.write(file, content) :]


def overwrite(file: int, content: bytes, between: Callable[[], None] = lambda: None) -> None:
    """Write over the bytes that stand in a file, then cut it to length; `between` is called in between."""
    write_whole(file, content)
    between()
    os.ftruncate(file, len(content))
