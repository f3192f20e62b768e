"""Second judges of the models: what can be left on a disk, found in other ways than the lab finds it.

The strict model is written down once more from the words of its contract: moments are chosen, and not versions. For
ext4 there is a machine with a page cache, a journal and blocks, which may at any moment write back or commit; whatever
it can leave must be among the states of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple

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
from ticketlab.powercut.choices import DiskFamily

SECTOR, BLOCK = 512, 4096
Content = frozenset[tuple[str, bytes | str | None]]


def content_of(disk: Disk) -> Content:
    return frozenset(disk.content().items())


def states_of(families: Iterator[DiskFamily]) -> set[Content]:
    """Return all states of some families, each laid out."""
    return {
        content_of(family.state(chosen))
        for family in families
        for chosen in product(*(range(choice.ways) for choice in family.choices))
    }


# The strict model


def strict_states(opening: Disk, operations: Sequence[DiskOperation]) -> set[Content]:
    """Return what can be left by the strict model: each sector, size and name has its own moment."""
    moments = [opening.copy()]
    for operation in operations:
        disk = moments[-1].copy()
        disk.change(operation)
        moments.append(disk)
    nodes = sorted({node for disk in moments for node in disk.files})
    files = {node: _possible_files(node, moments, operations) for node in nodes}
    found = set()
    for names in _possible_names(opening, operations):
        for contents in product(*files.values()):
            disk = Disk(dict(zip(files, contents, strict=True)), names)
            for entries in names.values():
                for node in entries.values():
                    if node not in names:
                        disk.files.setdefault(node, b"")
            found.add(content_of(disk))
    return found


def _last_sync(node: int, operations: Sequence[DiskOperation]) -> int:
    """Return the moment at which a node was last forced to disk."""
    forced = [0]
    for at, each in enumerate(operations, 1):
        if isinstance(each, SyncAll) or (isinstance(each, Sync) and each.node == node):
            forced.append(at)
    return forced[-1]


def _possible_files(node: int, moments: Sequence[Disk], operations: Sequence[DiskOperation]) -> set[bytes]:
    held = [disk.files.get(node, b"") for disk in moments[_last_sync(node, operations) :]]
    sizes = {len(content) for content in held}
    for before, after in pairwise(held):
        sizes |= {size for size in range(0, len(after), BLOCK) if size > len(before)}
    sectors = [
        {content[begin : begin + SECTOR].ljust(SECTOR, b"\0") for content in held}
        for begin in range(0, max(map(len, held)), SECTOR)
    ]
    return {b"".join(pieces)[:size].ljust(size, b"\0") for pieces in product(*sectors) for size in sizes}


def _possible_names(opening: Disk, operations: Sequence[DiskOperation]) -> Iterator[dict[int, dict[str, int]]]:
    uncertain: list[list[tuple[bool, tuple[tuple[int, str, int | None], ...]]]] = []
    for at, each in enumerate(operations, 1):
        if not isinstance(each, SetEntry | RemoveEntry | Rename):
            continue
        gone = (each.folder, each.name, None)
        parts: list[tuple[tuple[int, str, int | None], ...]]
        if isinstance(each, SetEntry):
            parts = [((each.folder, each.name, each.node),)]
        elif isinstance(each, RemoveEntry):
            parts = [(gone,)]
        elif each.folder == each.to_folder:
            parts = [(gone, (each.to_folder, each.to_name, each.node))]
        else:
            parts = [((each.to_folder, each.to_name, each.node),), (gone,)]
        for part in parts:
            certain = _last_sync(part[0][0], operations) >= at
            uncertain.append([(True, part)] if certain else [(True, part), (False, part)])
    for chosen in product(*uncertain):
        folders = {node: dict(entries) for node, entries in opening.folders.items()}
        for there, part in chosen:
            for folder, name, node in part if there else ():
                folders.setdefault(folder, {}).pop(name, None)
                if node is not None:
                    folders[folder][name] = node
        yield folders


# The machine with a journal


class Inode(NamedTuple):
    """A file as its inode says: how long it is, and which place on the disk each of its blocks has."""

    size: int
    blocks: tuple[tuple[int, int], ...]


class Machine(NamedTuple):
    """All that the next moment depends on; the cache is `size` and `data` of each file, the disk is `places`."""

    cache: tuple[tuple[int, bytes], ...]
    inodes: tuple[tuple[int, Inode], ...]  # in memory
    running: tuple[object, ...]  # what the journal has not committed yet, in order
    names: tuple[tuple[int, tuple[tuple[str, int], ...]], ...]  # committed
    committed: tuple[tuple[int, Inode], ...]
    places: tuple[bytes, ...]  # blocks of the disk


def machine_states(opening: Disk, operations: Sequence[DiskOperation]) -> set[Content]:
    """Return all that the machine can leave if the power fails after the operations."""
    states = {_booted(opening)}
    for operation in operations:
        states = {_performed(state, operation) for state in _settled(states)}
    return {_left(state) for state in _settled(states)}


def _booted(opening: Disk) -> Machine:
    places: list[bytes] = []
    inodes = {}
    for node, content in opening.files.items():
        blocks = []
        for number in range(-(-len(content) // BLOCK)):
            blocks.append((number, len(places)))
            places.append(content[number * BLOCK : (number + 1) * BLOCK].ljust(BLOCK, b"\0"))
        inodes[node] = Inode(len(content), tuple(blocks))
    names = tuple((node, tuple(sorted(entries.items()))) for node, entries in sorted(opening.folders.items()))
    table = tuple(sorted(inodes.items()))
    return Machine(tuple(sorted(opening.files.items())), table, (), names, table, tuple(places))


def _settled(states: set[Machine]) -> set[Machine]:
    """Return all states that come of these if the machine writes back and commits as it likes."""
    found, fresh = set(states), list(states)
    while fresh:
        for after in _background(fresh.pop()):
            if after not in found:
                found.add(after)
                fresh.append(after)
    return found


def _background(state: Machine) -> Iterator[Machine]:
    if state.running:
        yield _commit(state)
    for node, content in state.cache:
        inode = dict(state.inodes)[node]
        blocks = dict(inode.blocks)
        delayed = [number for number in range(-(-len(content) // BLOCK)) if number not in blocks]
        if delayed:
            yield _allocate(state, node, delayed[:1])
        for number, place in blocks.items():
            cached = content[number * BLOCK : (number + 1) * BLOCK].ljust(BLOCK, b"\0")
            for begin in range(0, BLOCK, SECTOR):
                piece = cached[begin : begin + SECTOR]
                if state.places[place][begin : begin + SECTOR] != piece and number * BLOCK < len(content):
                    yield _put(state, place, begin, piece)


def _put(state: Machine, place: int, begin: int, piece: bytes) -> Machine:
    block = state.places[place]
    block = block[:begin] + piece + block[begin + len(piece) :]
    return state._replace(places=(*state.places[:place], block, *state.places[place + 1 :]))


def _allocate(state: Machine, node: int, numbers: Sequence[int]) -> Machine:
    """Give delayed blocks a place, with their data, and have the journal take the inode."""
    content, inode, places = dict(state.cache)[node], dict(state.inodes)[node], list(state.places)
    blocks = dict(inode.blocks)
    for number in numbers:
        blocks[number] = len(places)
        places.append(content[number * BLOCK : (number + 1) * BLOCK].ljust(BLOCK, b"\0"))
    size = max([inode.size, *(min(len(content), (number + 1) * BLOCK) for number in numbers)])
    return _journal_inode(state._replace(places=tuple(places)), node, Inode(size, tuple(sorted(blocks.items()))))


def _journal_inode(state: Machine, node: int, inode: Inode) -> Machine:
    inodes = tuple(sorted((dict(state.inodes) | {node: inode}).items()))
    return state._replace(inodes=inodes, running=(*state.running, (node, inode)))


def _commit(state: Machine) -> Machine:
    names = {node: dict(entries) for node, entries in state.names}
    inodes = dict(state.committed)
    disk = Disk({}, names)
    for record in state.running:
        if isinstance(record, SetEntry | RemoveEntry | Rename):
            disk.change(record)
            if isinstance(record, SetEntry) and record.new:
                inodes.setdefault(record.node, Inode(0, ()))
        else:
            assert isinstance(record, tuple)
            inodes[record[0]] = record[1]
    kept = tuple((node, tuple(sorted(entries.items()))) for node, entries in sorted(disk.folders.items()))
    return state._replace(running=(), names=kept, committed=tuple(sorted(inodes.items())))


def _performed(state: Machine, operation: DiskOperation) -> Machine:
    if isinstance(operation, DiskWrite):
        return _written(state, operation)
    if isinstance(operation, Resize):
        cache = dict(state.cache)
        cache[operation.node] = cache[operation.node][: operation.size].ljust(operation.size, b"\0")
        last = -(-operation.size // BLOCK)
        inode = dict(state.inodes)[operation.node]
        kept = tuple((number, place) for number, place in inode.blocks if number < last)
        state = state._replace(cache=tuple(sorted(cache.items())))
        return _journal_inode(state, operation.node, Inode(operation.size, kept))
    if isinstance(operation, Rename) and operation.over is not None and operation.node in dict(state.cache):
        state = _flushed(state, operation.node, in_place=False)
    if isinstance(operation, SetEntry | RemoveEntry | Rename):
        state = state._replace(running=(*state.running, operation))
        if isinstance(operation, SetEntry) and operation.new and operation.node not in dict(state.names):
            state = state._replace(
                cache=tuple(sorted((dict(state.cache) | {operation.node: b""}).items())),
                inodes=tuple(sorted((dict(state.inodes) | {operation.node: Inode(0, ())}).items())),
            )
        return state
    if isinstance(operation, SyncAll):
        for node, _ in state.cache:
            state = _flushed(state, node)
        return _commit(state)
    assert isinstance(operation, Sync), operation
    if operation.node in dict(state.cache):
        state = _flushed(state, operation.node)
    return _commit(state) if any(_concerns(each, operation.node) for each in state.running) else state


def _concerns(record: object, node: int) -> bool:
    if isinstance(record, SetEntry | RemoveEntry | Rename):
        folders = {record.folder, record.to_folder} if isinstance(record, Rename) else {record.folder}
        return node in folders or (record.node == node)
    return record[0] == node  # type: ignore[index, no-any-return]


def _written(state: Machine, write: DiskWrite) -> Machine:
    cache = dict(state.cache)
    before = cache[write.node].ljust(write.offset, b"\0")
    content = before[: write.offset] + write.data + before[write.offset + len(write.data) :]
    grows = len(content) > len(cache[write.node])
    cache[write.node] = content
    state = state._replace(cache=tuple(sorted(cache.items())))
    inode = dict(state.inodes)[write.node]
    if grows and (len(content) - 1) // BLOCK in dict(inode.blocks):
        return _journal_inode(state, write.node, Inode(len(content), inode.blocks))
    return state


def _flushed(state: Machine, node: int, *, in_place: bool = True) -> Machine:
    content, blocks = dict(state.cache)[node], dict(dict(state.inodes)[node].blocks)
    delayed = [number for number in range(-(-len(content) // BLOCK)) if number not in blocks]
    for number, place in blocks.items():
        piece = content[number * BLOCK : (number + 1) * BLOCK].ljust(BLOCK, b"\0")
        if in_place:
            state = _put(state, place, 0, piece)
    if delayed:
        state = _allocate(state, node, delayed)
    return state


def _left(state: Machine) -> Content:
    files = {}
    for node, inode in state.committed:
        blocks = dict(inode.blocks)
        last = -(-inode.size // BLOCK)
        held = [state.places[blocks[number]] if number in blocks else bytes(BLOCK) for number in range(last)]
        files[node] = b"".join(held)[: inode.size]
    return content_of(Disk(files, {node: dict(entries) for node, entries in state.names}))
