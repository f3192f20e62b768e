"""Disk states as independent choices: a family of states has one state for each way to choose.

A choice is what one sector holds, how long one file is, or whether a folder's change is there. The ways to choose are
numbered from 0, and the last one is the newest: a state in which all are the last has lost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from ticketlab.core.disk import Disk, DiskWrite, EntryChange, Rename, Resize, resized, written

SECTOR: Final = 512
"""Bytes that a disk writes whole or not at all."""
FILE_BLOCK: Final = 4096
"""Bytes by which a file system makes files longer."""


class SizeChoice(NamedTuple):
    """How long a file is: one of these sizes, the newest last."""

    node: int
    sizes: tuple[int, ...]

    @property
    def ways(self) -> int:
        """How many ways there are to choose."""
        return len(self.sizes)


class SectorChoice(NamedTuple):
    """What a sector of a file holds: one of these pieces, the newest last."""

    node: int
    sector: int
    pieces: tuple[bytes, ...]

    @property
    def ways(self) -> int:
        """How many ways there are to choose."""
        return len(self.pieces)


class EntryChoice(NamedTuple):
    """Whether a change of a folder's names is on the disk; `number` says which of the operations it is of."""

    number: int
    change: EntryChange

    @property
    def ways(self) -> int:
        """How many ways there are to choose."""
        return 2

    @property
    def names(self) -> tuple[tuple[int, str], ...]:
        """The folders and names that it concerns."""
        change = self.change
        first = (change.folder, change.name)
        return (first, (change.to_folder, change.to_name)) if isinstance(change, Rename) else (first,)


Choice = SizeChoice | SectorChoice | EntryChoice


@dataclass(frozen=True, slots=True)
class DiskFamily:
    """Disk states that differ in independent choices.

    `disk` has what all have in common: files that are chosen from are in their newest state there. `journalled` says
    how many changes of names and sizes are on the disk, if the model keeps these in order.
    """

    disk: Disk
    choices: tuple[Choice, ...]
    journalled: int | None = None

    @property
    def newest(self) -> tuple[int, ...]:
        """The choice of a state that has lost nothing."""
        return tuple(choice.ways - 1 for choice in self.choices)

    @property
    def size(self) -> int:
        """How many ways there are to choose."""
        return math.prod(choice.ways for choice in self.choices)

    def has(self, chosen: Sequence[int]) -> bool:
        """Whether a state is one of these."""
        ways = [choice.ways for choice in self.choices]
        return len(chosen) == len(ways) and all(number < way for number, way in zip(chosen, ways, strict=True))

    def state(self, chosen: Sequence[int]) -> Disk:
        """Return the disk of one choice."""
        disk = self.disk.copy()
        sizes: dict[int, int] = {}
        sectors: dict[int, dict[int, bytes]] = {}
        for choice, number in zip(self.choices, chosen, strict=True):
            if isinstance(choice, SizeChoice):
                sizes[choice.node] = choice.sizes[number]
            elif isinstance(choice, SectorChoice):
                sectors.setdefault(choice.node, {})[choice.sector] = choice.pieces[number]
            elif number:
                disk.change(choice.change)
        for node in sizes.keys() | sectors.keys():
            size = sizes.get(node, len(disk.files[node]))
            disk.files[node] = _assembled(disk.files[node], size, sectors.get(node, {}))
        return disk


def _assembled(newest: bytes, size: int, sectors: Mapping[int, bytes]) -> bytes:
    content = bytearray(resized(newest, max(size, len(newest))))
    for sector, piece in sectors.items():
        content[sector * SECTOR : (sector + 1) * SECTOR] = piece
    return resized(bytes(content), size)


def file_versions(base: bytes, changes: Sequence[DiskWrite | Resize]) -> list[bytes]:
    """Return what a file held before each of its changes, and after the last."""
    contents = [base]
    for change in changes:
        before = contents[-1]
        contents.append(written(before, change) if isinstance(change, DiskWrite) else resized(before, change.size))
    return contents


def sector_of(content: bytes, sector: int) -> bytes:
    """Return what a sector of a file holds; behind the file's end there are zeros."""
    return content[sector * SECTOR : (sector + 1) * SECTOR].ljust(SECTOR, b"\0")


def distinct(pieces: Iterator[bytes] | Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the pieces without those that come again later, the newest last."""
    return tuple(reversed(dict.fromkeys(reversed(list(pieces)))))


def sizes_between(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes that a file can have while it grows: each of these, and whole blocks on the way."""
    found: dict[int, None] = {sizes[0]: None}
    for before, size in pairwise(sizes):
        found.update(dict.fromkeys(range((before // FILE_BLOCK + 1) * FILE_BLOCK, size, FILE_BLOCK)))
        found.pop(size, None)
        found[size] = None
    return tuple(found)


def size_choice(node: int, sizes: Sequence[int]) -> Iterator[SizeChoice]:
    """Yield the choice of a file's size, if there is more than one."""
    if len(sizes) > 1:
        yield SizeChoice(node, tuple(sizes))
