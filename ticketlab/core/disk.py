"""What programs do to a disk, as values: the operations of a run in their order, and what a folder holds.

Files, folders and symbolic links are nodes, numbered from 0, which is the folder itself. A name is an entry of a
folder: it is not part of the file that it leads to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

TOP: Final = 0
"""The folder itself."""


@dataclass(frozen=True, slots=True)
class DiskWrite:
    """Bytes that were written into a file, from an offset on; the file grows if they end behind its end."""

    node: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file was cut, or made longer with zeros, without a write."""

    node: int
    size: int


@dataclass(frozen=True, slots=True)
class SetEntry:
    """A folder's name leads to a node from now on; `new` says that the node was made for it."""

    folder: int
    name: str
    node: int
    new: bool = False


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """A name was removed."""

    folder: int
    name: str
    node: int


@dataclass(frozen=True, slots=True)
class Rename:
    """A name was moved to another name; `over` is the node that had the other name, or None."""

    folder: int
    name: str
    to_folder: int
    to_name: str
    node: int
    over: int | None = None


@dataclass(frozen=True, slots=True)
class Sync:
    """A file or a folder was forced to disk; `data_only` if by fdatasync(2) or O_DSYNC."""

    node: int
    data_only: bool = False


@dataclass(frozen=True, slots=True)
class SyncAll:
    """Everything was forced to disk, by sync(2) or syncfs(2)."""


@dataclass(frozen=True, slots=True)
class ToldOutside:
    """The program told the world outside: what it printed."""

    text: str


EntryChange = SetEntry | RemoveEntry | Rename
DiskOperation = DiskWrite | Resize | EntryChange | Sync | SyncAll | ToldOutside


@dataclass(slots=True)
class Disk:
    """What a folder holds: the bytes of files, the entries of folders, where symbolic links lead, and permissions.

    There may be nodes to which no name leads: those that will be made are there from the beginning, if they are folders
    or links.
    """

    files: dict[int, bytes] = field(default_factory=dict)
    folders: dict[int, dict[str, int]] = field(default_factory=lambda: {TOP: {}})
    links: dict[int, str] = field(default_factory=dict)
    modes: dict[int, int] = field(default_factory=dict)

    def copy(self) -> Disk:
        """Return a copy that can be changed."""
        folders = {node: dict(entries) for node, entries in self.folders.items()}
        return Disk(dict(self.files), folders, dict(self.links), dict(self.modes))

    def walk(self, folder: int = TOP, above: str = "") -> Iterator[tuple[str, int]]:
        """Yield the path of each name that can be reached, and its node; folders come before what is in them."""
        for name, node in sorted(self.folders[folder].items()):
            yield f"{above}{name}", node
            if node in self.folders:
                yield from self.walk(node, f"{above}{name}/")

    def content(self) -> dict[str, bytes | str | None]:
        """Return what can be reached, by path: bytes of a file, target of a link, None for a folder."""
        return {
            path: None if node in self.folders else self.links[node] if node in self.links else self.files[node]
            for path, node in self.walk()
        }

    def change(self, operation: DiskOperation) -> None:
        """Do one operation, as a disk that loses nothing would."""
        if isinstance(operation, DiskWrite):
            self.files[operation.node] = written(self.files.get(operation.node, b""), operation)
        elif isinstance(operation, Resize):
            self.files[operation.node] = resized(self.files.get(operation.node, b""), operation.size)
        elif isinstance(operation, SetEntry | RemoveEntry | Rename):
            change_entries(self, operation)


def written(before: bytes, write: DiskWrite) -> bytes:
    """Return a file's bytes after a write."""
    padded = before.ljust(write.offset, b"\0")
    return padded[: write.offset] + write.data + padded[write.offset + len(write.data) :]


def resized(before: bytes, size: int) -> bytes:
    """Return a file's bytes after it was cut, or made longer."""
    return before[:size].ljust(size, b"\0")


def change_entries(disk: Disk, change: EntryChange) -> None:
    """Change the names of a disk; a folder that is not there has no names to change."""
    if isinstance(change, SetEntry):
        disk.folders.setdefault(change.folder, {})[change.name] = change.node
        return
    disk.folders.setdefault(change.folder, {}).pop(change.name, None)
    if isinstance(change, Rename):
        disk.folders.setdefault(change.to_folder, {})[change.to_name] = change.node
