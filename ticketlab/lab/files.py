"""Files that people give and get: opening stock in, histories and results out, and nothing of theirs overwritten."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from ticketlab.core.errors import TicketlabError, UsageError, unknown_name
from ticketlab.core.inventory import Inventory

LARGEST_STOCK_FILE: Final = 1 << 20
_STOCK_FORMAT: Final = "ticketlab/stock"
_OURS: Final = (Path(__file__).parents[1] / "db", Path(__file__).parents[2] / "db")  # in a wheel, in a checkout


def opening_stock(name: str) -> Inventory:
    """Read an opening stock: the path of a JSON file, or the name of one that comes with the lab.

    Raises:
        UsageError: there is no such file, it cannot be read, or it is not an opening stock.
    """
    path = Path(name)
    if path.suffix != ".json" and os.sep not in name:
        ours = {file.stem: file for folder in _OURS for file in folder.glob("*.json")}
        if name not in ours:
            raise unknown_name("opening stock", name, ours)
        path = ours[name]
    return _parse_stock(path, _read(path))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_STOCK_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read the opening stock {path}: {error.strerror}") from None
    if len(content) > LARGEST_STOCK_FILE:
        raise UsageError(f"the opening stock {path} is larger than {LARGEST_STOCK_FILE >> 20} MiB")
    return content


def _parse_stock(path: Path, content: bytes) -> Inventory:
    try:
        stock: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the opening stock {path} is not JSON: {error}") from None
    if not isinstance(stock, dict) or stock.get("format") != _STOCK_FORMAT:
        raise UsageError(f'{path} is not an opening stock: it needs "format": "{_STOCK_FORMAT}"')
    if stock.get("version") != 1:
        raise UsageError(f"{path} is an opening stock of version {stock.get('version')!r}; this lab reads version 1")
    sections = stock.get("sections")
    if not isinstance(sections, dict) or not sections:
        raise UsageError(f'{path} needs "sections": an object of names and numbers of tickets')
    for section, tickets in sections.items():
        if not isinstance(tickets, int) or isinstance(tickets, bool) or not 0 <= tickets < 1 << 53:
            raise UsageError(f"{path}: section {section!r} has {tickets!r} tickets; a whole number from 0 is needed")
        if not 0 < len(section) <= 200:
            raise UsageError(f"{path}: a section's name has 1 to 200 characters, not {len(section)}")
    return Inventory(sections)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise UsageError where an output would replace something and the user has not asked for that."""
    if path.is_dir():
        raise UsageError(f"{path} is a directory: name a file")
    if path.exists() and not force:
        raise UsageError(f"{path} exists already: name another file, or add --force to replace it")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a directory: {path.name} cannot be written there")


def write_file(path: Path, write: Callable[[IO[str]], None], *, force: bool = False) -> None:
    """Write a file whole or not at all: into a new file beside it, which then takes its name."""
    refuse_existing(path, force=force)
    new = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            new = file.name
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(new).chmod(0o666 & ~_umask())
        Path(new).replace(path)
    except OSError as error:
        raise TicketlabError(f"cannot write {path}: {error.strerror}; what was there is unchanged") from None
    finally:
        with suppress(OSError):
            os.unlink(new)  # noqa: PTH108 - gone already unless something went wrong


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
