"""Where the numbers of an execution are kept: in this process, or in memory that several processes share.

Three forms: a *column* is a row of whole numbers of fixed length, *bytes* a row of numbers below 256, and *numbers* are
single whole numbers by name. Both kinds of memory give the same forms, so nobody else need know which kind it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from ctypes import Structure, c_int64, sizeof
from functools import cache
from typing import Any, Protocol, TypeVar, cast


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


class Numbers:
    """Single numbers by name: a subclass annotates them, and memory makes an instance in which all are 0."""


N = TypeVar("N", bound=Numbers)


class Memory(Protocol):
    """What gives out zeros."""

    def column(self, length: int) -> Column:
        """Return a column of zeros."""

    def bytes(self, size: int) -> bytearray | memoryview:
        """Return so many zero bytes."""

    def numbers(self, kind: type[N]) -> N:
        """Return numbers of a kind, all 0."""


class LocalMemory:
    """Memory of one process: lists and attributes, which Python finds fastest."""

    def column(self, length: int) -> Column:
        """Return a list of zeros."""
        return [0] * length

    def bytes(self, size: int) -> bytearray | memoryview:
        """Return so many zero bytes."""
        return bytearray(size)

    def numbers(self, kind: type[N]) -> N:
        """Return an object whose attributes are all 0."""
        numbers: N = _with_slots(cast("Any", kind))()
        for name in kind.__annotations__:
            setattr(numbers, name, 0)
        return numbers


def in_buffer(kind: type[N], allocate: Any) -> N:
    """Return numbers of a kind in the bytes that `allocate` returns for a size."""
    structure = _as_structure(cast("Any", kind))
    numbers: N = structure.from_buffer(allocate(sizeof(structure)))
    return numbers


@cache
def _with_slots(kind: Any) -> Any:
    return type(kind.__name__, (kind,), {"__slots__": tuple(kind.__annotations__)})


@cache
def _as_structure(kind: Any) -> Any:
    fields = [(name, c_int64) for name in kind.__annotations__]
    return type(kind.__name__, (kind, Structure), {"_fields_": fields})


def as_slice(column: Column, values: Iterable[int]) -> Any:
    """Return values in a form that a slice of this column takes."""
    return memoryview(array("q", values)) if isinstance(column, memoryview) else list(values)
