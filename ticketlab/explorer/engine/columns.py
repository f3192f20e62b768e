"""Columns: rows of whole numbers, in a list of one process or in memory that many share."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol


class Column(Protocol):
    """A row of whole numbers of fixed length: a list, or a memoryview of shared memory."""

    def __getitem__(self, index: Any, /) -> Any:
        """Return a number, or a slice of them."""

    def __setitem__(self, index: Any, value: Any, /) -> None:
        """Replace a number, or a slice by another of the same length."""

    def __len__(self) -> int:
        """Return the fixed length."""

    def __iter__(self) -> Iterator[int]:
        """Go through the numbers."""


Allocate = Callable[[int], Column]
"""Returns a column of so many zeros."""
AllocateBytes = Callable[[int], bytearray | memoryview]
"""Returns so many zero bytes."""


def in_lists(length: int) -> Column:
    """Return a column of zeros in this process's own memory."""
    return [0] * length


def as_slice(column: Column, values: Iterable[int]) -> Any:
    """Return values in a form that a slice of this column takes."""
    return memoryview(array("q", values)) if isinstance(column, memoryview) else list(values)
