"""Bare file descriptors, opened for a while; to open a file object asks the kernel five questions more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def opened(path: str | os.PathLike[str], flags: int = os.O_RDWR) -> Iterator[int]:
    """Open a file, by default to read and write it, and close it at the end; a file that `flags` create is mode 644."""
    file = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        yield file
    finally:
        os.close(file)
