"""Opening stock: what is for sale when the doors open, in a JSON file of the user's or of ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.inventory import Inventory
from ticketlab.core.strict_json import brief
from ticketlab.lab.artifacts.files import parse_json, read_file

LARGEST: Final = 1 << 20
"""Bytes of the largest opening stock."""
_FORMAT: Final = "ticketlab/stock"
_OURS: Final = (Path(__file__).parents[2] / "db", Path(__file__).parents[3] / "db")  # in a wheel, in a checkout


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
    return parse_stock(read_file(path, "opening stock", largest=LARGEST), str(path))


def parse_stock(content: bytes, name: str) -> Inventory:
    """Read an opening stock from what a file holds; `name` is what messages call it."""
    stock: Any = parse_json(content, f"opening stock {name}")
    if not isinstance(stock, dict) or stock.get("format") != _FORMAT:
        raise UsageError(f'{name} is not an opening stock: it needs "format": "{_FORMAT}"')
    if stock.get("version") != 1 or isinstance(stock["version"], bool):
        raise UsageError(
            f"{name} is an opening stock of version {brief(stock.get('version'))}; this lab reads version 1"
        )
    sections = stock.get("sections")
    if not isinstance(sections, dict) or not sections:
        raise UsageError(f'{name} needs "sections": an object of names and numbers of tickets')
    for section, tickets in sections.items():
        if not isinstance(tickets, int) or isinstance(tickets, bool):
            raise UsageError(
                f"{name}: section {brief(section)} has {brief(tickets)} tickets; a whole number from 0 is needed"
            )
    try:
        return Inventory(sections)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
