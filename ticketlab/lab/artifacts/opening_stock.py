"""Opening stock: what is for sale at first, in a JSON file of the user's or one that comes with the lab."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.inventory import MOST_TICKETS, Inventory
from ticketlab.core.json_fields import JsonField, read_version
from ticketlab.lab.artifacts.files import parse_json, read_file

_LARGEST_STOCK: Final = 1 << 20  # bytes
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
    return parse_stock(read_file(path, "opening stock", largest=_LARGEST_STOCK), str(path))


def parse_stock(content: bytes, name: str) -> Inventory:
    """Read an opening stock from the content of a file; `name` is what messages call it."""
    stock = JsonField(parse_json(content, f"opening stock {name}"), f"the opening stock {name}")
    read_version(stock, "format", _FORMAT, "an opening stock of ticketlab", [1])
    sections = stock["sections"].dict_of(lambda tickets: tickets.whole(0, MOST_TICKETS - 1))
    try:
        return Inventory(sections)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
