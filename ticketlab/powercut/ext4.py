"""A model of ext4 as it is mounted by default: data=ordered, delayed allocation, auto_da_alloc.

What it assumes, and where that is said (Linux, Documentation/admin-guide/ext4.rst and Documentation/filesystems/ext4;
fs/ext4; Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014, table 1):

- Changes of names, and of sizes by truncate(2), are journalled in their order: those on the disk are a prefix. Each is
  whole, a rename between folders too.
- A file grows when its new blocks are allocated, which is delayed. That is a journalled change of its own, later than
  all changes before the write. A file grows in the order of its writes, by whole blocks within one.
- The data that a new block is allocated for is on the disk before the change of the size (data=ordered). What comes
  into a block later, such as a short append to a block that is there, is not ordered: the file may be long already and
  hold zeros there (ext4_da_should_update_i_disksize).
- A write over what is there is not journalled: each sector of 512 bytes comes when it likes, whole.
- A rename over another file allocates the blocks of the file that is moved, so that its data comes first
  (auto_da_alloc). The same is done when a file is closed that had been cut to nothing; as the cut alone can be on the
  disk before that, the model does not count on it.
- fsync(2) forces a file's data to disk, and the journal up to the last change of this file or folder, or up to the last
  write that made the file longer. fdatasync(2) does not wait for changes of names alone.

Where the documents promise less than the code does, the model allows more states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ticketlab.core.disk import (
    Disk,
    DiskOperation,
    DiskWrite,
    RemoveEntry,
    Rename,
    Resize,
    SetEntry,
    Sync,
    SyncAll,
)
from ticketlab.powercut.choices import (
    FILE_BLOCK,
    SECTOR,
    Choice,
    DiskFamily,
    SectorChoice,
    distinct,
    file_versions,
    sector_of,
    size_choice,
    sizes_between,
)

_Journalled = SetEntry | RemoveEntry | Rename | Resize


@dataclass(slots=True)
class _Change:
    """A write or a cut of a file, and how many journalled changes came before it."""

    what: DiskWrite | Resize
    before: int


@dataclass(slots=True)
class _File:
    """A file since it was last forced to disk: what it held then, and its changes since."""

    base: bytes = b""
    changes: list[_Change] = field(default_factory=list)
    renamed: list[tuple[int, int]] = field(default_factory=list)
    """For each rename over another file: its place in the journal, and how many changes of this file came before."""

    @property
    def grew_after(self) -> int:
        """How many journalled changes came before the last write that made it longer."""
        contents = file_versions(self.base, [change.what for change in self.changes])
        sizes = pairwise(map(len, contents))
        writes = zip(self.changes, sizes, strict=True)
        grown = [each.before for each, (old, new) in writes if isinstance(each.what, DiskWrite) and new > old]
        return max(grown, default=0)


@dataclass(slots=True)
class _Journal:
    """What operations came to: the journalled changes in their order, how many are certain, and the files."""

    changes: list[_Journalled] = field(default_factory=list)
    certain: int = 0
    files: dict[int, _File] = field(default_factory=dict)

    def file(self, node: int) -> _File:
        """Return a file, which may be new."""
        return self.files.setdefault(node, _File())


def ext4_families(opening: Disk, operations: Sequence[DiskOperation]) -> Iterator[DiskFamily]:
    """Yield a family of disk states for each prefix of the journal that is possible after these operations."""
    journal = _Journal(files={node: _File(content) for node, content in opening.files.items()})
    for operation in operations:
        _take(journal, operation)
    for persisted in range(len(journal.changes), journal.certain - 1, -1):
        disk, choices = opening.copy(), list[Choice]()
        for change in journal.changes[:persisted]:
            if not isinstance(change, Resize):
                disk.change(change)
        for node, file in journal.files.items():
            newest, of_file = _of_file(node, file, persisted)
            disk.files[node] = newest
            choices += of_file
        yield DiskFamily(disk, tuple(choices), persisted)


def _take(journal: _Journal, operation: DiskOperation) -> None:
    if isinstance(operation, DiskWrite | Resize):
        journal.file(operation.node).changes.append(_Change(operation, len(journal.changes)))
    if isinstance(operation, Rename) and operation.over is not None and operation.node in journal.files:
        file = journal.file(operation.node)
        file.renamed.append((len(journal.changes), len(file.changes)))
    if isinstance(operation, SetEntry) and operation.new:
        journal.file(operation.node)
    if isinstance(operation, SetEntry | RemoveEntry | Rename | Resize):
        journal.changes.append(operation)
    elif isinstance(operation, Sync):
        _sync(journal, operation)
    elif isinstance(operation, SyncAll):
        journal.certain = len(journal.changes)
        for file in journal.files.values():
            _settle(file)


def _sync(journal: _Journal, sync: Sync) -> None:
    file = journal.files.get(sync.node)
    last = 1 + max((place for place, change in enumerate(journal.changes) if _concerns(change, sync)), default=-1)
    journal.certain = max(journal.certain, last, file.grew_after if file is not None else 0)
    if file is not None:
        _settle(file)


def _concerns(change: _Journalled, sync: Sync) -> bool:
    """Whether a journalled change is one of the file or folder that is forced to disk."""
    if isinstance(change, Resize):
        return change.node == sync.node
    folders = (change.folder, change.to_folder) if isinstance(change, Rename) else (change.folder,)
    if sync.node in folders:
        return True
    made = isinstance(change, SetEntry) and change.new
    return change.node == sync.node and (made or not sync.data_only)


def _settle(file: _File) -> None:
    file.base = file_versions(file.base, [change.what for change in file.changes])[-1]
    file.changes, file.renamed = [], []


def _of_file(node: int, file: _File, persisted: int) -> tuple[bytes, list[Choice]]:
    """Return what a file holds if nothing is lost that can be on the disk, and the choices of what may be lost."""
    contents = file_versions(file.base, [change.what for change in file.changes])
    cuts = [(at, each.before < persisted) for at, each in enumerate(file.changes) if isinstance(each.what, Resize)]
    since = 1 + max((at for at, there in cuts if there), default=-1)
    until = min((at for at, there in cuts if not there), default=len(file.changes))
    needed = max((many for place, many in file.renamed if place < persisted), default=0)
    sizes, must = [len(contents[since])], len(contents[needed]) if needed > since else 0
    for change, content in zip(file.changes[since:until], contents[since + 1 :], strict=False):
        if len(content) > sizes[-1] and change.before > persisted:
            break  # it grows after a change that is not on the disk
        sizes.append(len(content))
    possible = [size for size in sizes_between(sizes) if size >= must]
    choices: list[Choice] = [*size_choice(node, possible)]
    spans = _spans(file, contents, persisted)
    newest = bytearray(possible[-1])
    for sector in range(-(-possible[-1] // SECTOR)):
        begin, end = spans.get(sector * SECTOR // FILE_BLOCK, (0, len(contents)))
        begin = max(begin, needed) if begin else 0
        pieces = distinct([sector_of(content, sector) for content in contents[begin:end]])
        newest[sector * SECTOR : (sector + 1) * SECTOR] = pieces[-1]
        if len(pieces) > 1:
            choices.append(SectorChoice(node, sector, pieces))
    return bytes(newest[: possible[-1]]), choices


def _spans(file: _File, contents: Sequence[bytes], persisted: int) -> dict[int, tuple[int, int]]:
    """Return for blocks which versions of the file they can hold: from the first one on, before the last.

    A block that was allocated since holds no earlier version than that it came with. It may hold zeros if the file is
    long without its data: if it was made longer before, or cut afterwards. A block that a cut gives back holds none
    after that. Blocks that a file keeps when it is cut hold later versions even if the cut is not on the disk.
    """
    allocated, first, last = -(-len(file.base) // FILE_BLOCK), dict[int, int](), dict[int, int]()
    written: dict[int, int] = {}
    for at, change in enumerate(file.changes, 1):
        what = change.what
        if isinstance(what, DiskWrite):
            touched = range(what.offset // FILE_BLOCK, -(-(what.offset + len(what.data)) // FILE_BLOCK))
            for block in {each for each in touched if each >= allocated} - written.keys() - last.keys():
                is_hole = block * FILE_BLOCK < len(contents[at - 1])
                first[block] = first.get(block, at - 1) if is_hole else at
                written[block] = at
            continue
        blocks = -(-what.size // FILE_BLOCK)
        given_back = range(blocks, -(-max(map(len, contents)) // FILE_BLOCK))
        if change.before < persisted:
            allocated = min(allocated, blocks)
            written = {block: came for block, came in written.items() if block < blocks}
            first |= {block: min(first[block], came - 1) for block, came in written.items()}
            first |= dict.fromkeys(given_back, at)
        else:
            last |= {block: at for block in given_back if block not in last}
    return {block: (first.get(block, 0), last.get(block, len(contents))) for block in first.keys() | last.keys()}
