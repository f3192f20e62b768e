"""A recording in words: its steps, and what of each was on the disk when the power failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ticketlab.core.disk import (
    DiskOperation,
    DiskWrite,
    EntryChange,
    RemoveEntry,
    Rename,
    Resize,
    SetEntry,
    Sync,
    SyncAll,
    ToldOutside,
)
from ticketlab.lab.powercuts.recording import Recording
from ticketlab.lab.powercuts.search import WrongState
from ticketlab.lab.powercuts.states import described
from ticketlab.powercut.choices import EntryChoice

ON_DISK: Final = "on the disk"
LOST: Final = "lost"
_IN_PART: Final = "in part"
_NUMBER: Final = re.compile(r"\d+")
_LONGEST: Final = 60


def step_texts(recording: Recording, cut: int) -> list[str]:
    """Return a line for each operation before a cut."""
    now, texts = recording.opening.copy(), []
    for operation in recording.operations[:cut]:
        text = _text(operation, {node: path for path, node in now.walk()} | {0: "."})
        texts.append(_without_pids(text, recording))
        now.change(operation)
    return texts


def _text(operation: DiskOperation, paths: dict[int, str]) -> str:
    if isinstance(operation, ToldOutside):
        line = operation.text.strip()
        return f"print {line[:_LONGEST]!r}"
    if isinstance(operation, SyncAll):
        return "sync"
    if isinstance(operation, SetEntry | RemoveEntry | Rename):
        return _of_names(operation, paths)
    path = paths.get(operation.node, "a file without a name")
    if isinstance(operation, DiskWrite):
        return f"write {path}: bytes {operation.offset:,} to {operation.offset + len(operation.data):,}"
    if isinstance(operation, Resize):
        return f"truncate {path} to {operation.size:,} bytes"
    return f"{'fdatasync' if operation.data_only else 'fsync'} {path}"


def _of_names(change: EntryChange, paths: dict[int, str]) -> str:
    name = _joined(paths, change.folder, change.name)
    if isinstance(change, Rename):
        return f"rename {name} to {_joined(paths, change.to_folder, change.to_name)}"
    if isinstance(change, RemoveEntry):
        return f"unlink {name}"
    return f"create {name}" if change.new else f"link {paths.get(change.node, 'a file')} to {name}"


def _joined(paths: dict[int, str], folder: int, name: str) -> str:
    above = paths.get(folder, "a folder without a name")
    return name if above == "." else f"{above}/{name}"


def fates(recording: Recording, wrong: WrongState) -> Iterator[str]:
    """Yield for each operation before the cut what of it was on the disk; "" where that makes no sense."""
    operations = recording.operations[: wrong.cut]
    newest = recording.opening.copy()
    for operation in operations:
        newest.change(operation)
    lost, disk, now = _lost_changes(operations, wrong), wrong.disk, recording.opening.copy()
    for number, operation in enumerate(operations):
        if isinstance(operation, Sync | SyncAll | ToldOutside):
            yield ""
        elif isinstance(operation, DiskWrite):
            before, node = now.files.get(operation.node, b""), operation.node
            yield _of_write(operation, before, newest.files[node], disk.files.get(node, b""))
        elif isinstance(operation, Resize) and wrong.family.journalled is None:
            yield ON_DISK if len(disk.files[operation.node]) == len(newest.files[operation.node]) else LOST
        else:
            yield LOST if number in lost else ON_DISK
        now.change(operation)


def _lost_changes(operations: Sequence[DiskOperation], wrong: WrongState) -> set[int]:
    """Return the numbers of the operations on names that were lost."""
    if wrong.family.journalled is not None:
        journal = [
            at for at, each in enumerate(operations) if isinstance(each, SetEntry | RemoveEntry | Rename | Resize)
        ]
        return set(journal[wrong.family.journalled :])
    pairs = zip(wrong.family.choices, wrong.chosen, strict=True)
    return {choice.number for choice, way in pairs if isinstance(choice, EntryChoice) and not way}


def _of_write(write: DiskWrite, before: bytes, newest: bytes, disk: bytes) -> str:
    """Compare the bytes on the disk with those that a write changed, and that nothing came over later."""
    places = [
        (at, byte)
        for at, byte in enumerate(write.data, write.offset)
        if newest[at : at + 1] == bytes([byte]) and before[at : at + 1] != bytes([byte])
    ]
    there = sum(disk[at : at + 1] == bytes([byte]) for at, byte in places)
    return ON_DISK if there == len(places) else _IN_PART if there else LOST


def left_on_disk(recording: Recording, wrong: WrongState) -> Iterator[tuple[str, str]]:
    """Yield for each path that the steps before the cut concern what the disk holds there, in a few words."""
    disk, operations = wrong.disk, recording.operations[: wrong.cut]
    concerned = {each.node for each in operations if not isinstance(each, SyncAll | ToldOutside)}
    concerned |= {each.over for each in operations if isinstance(each, Rename) and each.over is not None}
    for path, node in disk.walk():
        if node in concerned and node in disk.folders:
            yield f"{_without_pids(path, recording)}/", "a folder"
        elif node in concerned:
            held = f"a link to {disk.links[node]}" if node in disk.links else described(disk.files[node])
            yield _without_pids(path, recording), held


def _without_pids(text: str, recording: Recording) -> str:
    return _NUMBER.sub(lambda match: recording.pids.get(match[0], match[0]), text)
