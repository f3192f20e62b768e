"""Reading and writing whole files on bare descriptors (`core.system.descriptors` says why not on file objects)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

_PIECE: Final = 1 << 16
"""How many bytes are read at once; a read gives fewer only at the end of the file."""


def read_whole(path: str) -> bytes:
    """Return a file's whole content."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(file, _PIECE)
        while len(content) % _PIECE == 0 and (more := os.read(file, _PIECE)):
            content += more
    finally:
        os.close(file)
    return content


def write_whole(file: int, content: bytes) -> None:
    """Write all of the content, in several writes if the system takes only a part."""
    while content:
        content = content[os.write(file, content) :]


def overwrite(file: int, content: bytes, between: Callable[[], None] = lambda: None) -> None:
    """Write over the bytes in a file, call `between`, then cut the file to the new length."""
    write_whole(file, content)
    between()
    os.ftruncate(file, len(content))
