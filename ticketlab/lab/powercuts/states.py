"""Disk states in real folders: laid out, and what was looked at there in terms of the choices of a family."""

from __future__ import annotations

import os
from pathlib import Path

from ticketlab.core.disk import TOP, Disk
from ticketlab.gate.watched import Looks
from ticketlab.lab.programs.layout import empty
from ticketlab.powercut.choices import SECTOR, Choice, DiskFamily, EntryChoice, SectorChoice


def lay_out(disk: Disk, folder: Path) -> dict[tuple[int, int], str]:
    """Empty a folder, lay a disk state out in it, and return the path of each inode within it."""
    empty(folder)
    paths = {_inode(folder): ""}
    first: dict[int, str] = {}
    for path, node in disk.walk():
        place, mode = folder / path, disk.modes.get(node, 0o644)
        if node in disk.folders:
            place.mkdir()
        elif node in disk.links:
            place.symlink_to(disk.links[node])
            continue
        elif node in first:
            os.link(folder / first[node], place)
            continue
        else:
            first[node] = path
            place.write_bytes(disk.files[node])
        place.chmod(mode | 0o600 if node in disk.files else mode | 0o700)
        paths[_inode(place)] = path
    return paths


def _inode(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def choices_looked_at(family: DiskFamily, disk: Disk, looks: Looks) -> set[int]:
    """Return the numbers of the choices of a family that somebody looked at in one of its states."""
    if looks.everything or disk.links:
        return set(range(len(family.choices)))
    nodes = dict(disk.walk()) | {"": TOP}
    names = {(nodes.get(path.rpartition("/")[0], -1), path.rpartition("/")[2]) for path in looks.names}
    listed = {nodes[path] for path in looks.listed if path in nodes}
    sizes = {nodes[path] for path in looks.sizes if path in nodes}
    sectors = {(nodes[path], span) for path, spans in looks.data.items() if path in nodes for span in spans}
    return {
        number for number, choice in enumerate(family.choices) if _is_looked_at(choice, names, listed, sizes, sectors)
    }


def _is_looked_at(
    choice: Choice,
    names: set[tuple[int, str]],
    listed: set[int],
    sizes: set[int],
    spans: set[tuple[int, tuple[int, int]]],
) -> bool:
    if isinstance(choice, EntryChoice):
        return any(name in names or name[0] in listed for name in choice.names)
    if isinstance(choice, SectorChoice):
        begin, end = choice.sector * SECTOR, (choice.sector + 1) * SECTOR
        return any(node == choice.node and first < end and begin < last for node, (first, last) in spans)
    return choice.node in sizes


def described(content: bytes) -> str:
    """Return what a file holds in a few words."""
    if not content:
        return "empty"
    zeros = content.count(0)
    if zeros == len(content):
        return f"{len(content):,} zeros"
    begin = content[:40].decode(errors="replace")
    return f"{len(content):,} bytes: {begin!r}{'…' if len(content) > 40 else ''}"
