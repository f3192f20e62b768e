"""Kept searches as files: what is kept, the command line that made it, and of which code.

The file is JSON; what the search knows stands in it as text (see `kept_search`). A search is gone on with only by the
same Python, the same lab, and the same source files of the user's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import ticketlab
from ticketlab.core.errors import UsageError
from ticketlab.core.json_fields import JsonField, read_version
from ticketlab.lab.artifacts.files import read_json
from ticketlab.probes.standins import is_users

SEARCH_FILE: Final = "search.json"
_VERSION: Final = 1
_MOST_BYTES: Final = 1 << 30
_OURS: Final = "ticketlab."


@dataclass(frozen=True, slots=True)
class SearchFile:
    """A search that stopped after so many executions, of at most `limit`, and the command line that it was asked by.

    `versions` and `sources` say what code it was made with; see `versions_and_lab` and `source_files`.
    """

    command: str
    executions: int
    limit: int
    versions: Mapping[str, str]
    sources: Mapping[str, str]
    search: bytes

    def to_text(self) -> str:
        """Return it as it stands in a file."""
        fields: dict[str, Any] = {
            "ticketlab": "search",
            "version": _VERSION,
            "command": self.command,
            "executions": self.executions,
            "limit": self.limit,
            "versions": dict(self.versions),
            "sources": dict(self.sources),
            "search": base64.b64encode(zlib.compress(self.search)).decode(),
        }
        return json.dumps(fields, indent=1) + "\n"

    def check(self, path: Path) -> None:
        """Check that this Python, this lab and the source files are those of then; raises UsageError if one is not."""
        for what, then in self.versions.items():
            now = versions_and_lab().get(what)
            if now != then:
                raise UsageError(f"{path}: this search was made by {what} {then}, and this is {now}: search anew")
        for name, digest in self.sources.items():
            file = Path(name)
            if not file.is_file():
                raise UsageError(f"{path}: {name} is not here, of which this search is: go on where it was begun")
            if _digest(file.read_bytes()) != digest:
                raise UsageError(f"{path}: {name} has changed since this search was begun: search anew")


def load_search(path: Path) -> SearchFile:
    """Read a kept search; raises UsageError if the file cannot be read, or holds none."""
    field = JsonField(read_json(path, "kept search", largest=_MOST_BYTES), str(path))
    read_version(field, "ticketlab", "search", "a kept search of ticketlab", (_VERSION,))
    try:
        unpacking = zlib.decompressobj()
        search = unpacking.decompress(base64.b64decode(field["search"].text(), validate=True), _MOST_BYTES)
    except (ValueError, zlib.error):
        raise UsageError(f"{path}: the kept search is damaged") from None
    if not unpacking.eof:
        raise UsageError(f"{path}: the kept search is damaged, or larger than {_MOST_BYTES:,} bytes")
    return SearchFile(
        command=field["command"].text(),
        executions=field["executions"].whole(least=1),
        limit=field["limit"].whole(least=1),
        versions=field["versions"].dict_of(JsonField.text),
        sources=field["sources"].dict_of(JsonField.text),
        search=search,
    )


def source_files() -> dict[str, str]:
    """Return the loaded source files that are the user's own, each with a digest of what is in it."""
    modules = [each for name, each in list(sys.modules.items()) if not f"{name}.".startswith(_OURS)]
    files = {Path(_file(each)) for each in modules if isinstance(each, ModuleType) and is_users(each)}
    return {_named(file): _digest(file.read_bytes()) for file in sorted(files) if file.is_file()}


def _file(module: ModuleType) -> str:
    return module.__file__ or ""


def _named(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@cache
def versions_and_lab() -> dict[str, str]:
    """Return what decides what a search does, beside the user's code."""
    package = Path(ticketlab.__file__).parent
    own = b"".join(file.read_bytes() for file in sorted(package.rglob("*.py")))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"Python": python, "ticketlab": f"{ticketlab.__version__} ({_digest(own)})"}
