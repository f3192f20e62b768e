"""Modules that a test writes and imports, forgotten when it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def forgotten(folder: Path) -> Iterator[None]:
    """Forget the modules of a folder, before and after, and the folders that became importable meanwhile."""
    importable, compiles = list(sys.path), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # a file that is written twice in a second may look unchanged
    try:
        _forget(folder)
        yield
    finally:
        _forget(folder)
        sys.dont_write_bytecode, sys.path[:] = compiles, importable


def _forget(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]
