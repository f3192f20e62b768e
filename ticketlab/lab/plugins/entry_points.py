"""Installed packages and their entry points, read from the metadata on disk.

Importing `importlib.metadata` takes as long as forking twenty buyers. A name that is not found here must still be
looked up there: it also knows zip files, older forms of metadata, and import hooks.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """An installed package: its version, and the folder of its metadata."""

    version: str
    folder: Path


@cache
def packages() -> dict[str, Package]:
    """Return every package by its name in lower case; of several, the one that would be imported."""
    found: dict[str, Package] = {}
    for folder in sys.path:
        for path in Path(folder).glob("*.dist-info"):
            name, _, version = path.stem.partition("-")
            found.setdefault(name.lower(), Package(version, path))
    return found


@cache
def entry_points() -> dict[str, dict[str, str]]:
    """Return the entry points of every group, each name with its "module:attribute"."""
    points: dict[str, dict[str, str]] = defaultdict(dict)
    for package in packages().values():
        with suppress(OSError), open(package.folder / "entry_points.txt", encoding="utf-8") as file:
            group = ""
            for line in map(str.strip, file):
                if line.startswith("["):
                    group = line.strip("[]")
                elif "=" in line:
                    name, _, point = line.partition("=")
                    points[group].setdefault(name.strip(), point.strip())
    return points
