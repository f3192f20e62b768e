"""What is imported before a script runs, and what is left to the script."""

from __future__ import annotations

from pathlib import Path

from ticketlab.gate.starting.preload import Import, imports_of


def test_imports_are_followed_through_the_modules_beside_the_script(tmp_path: Path) -> None:
    files = {
        "shop.py": "import json, goods.stock\nfrom goods import prices\nimport helper\ndef late(): import csv",
        "helper.py": "import shop, os.path\nimport no.such",
        "goods/__init__.py": "from . import names",
        "goods/names.py": "from .stock import count\nfrom decimal import Decimal, Context",
        "goods/stock.py": "import sqlite3",
        "goods/prices.py": "from ..outside import nothing\nif True import",
        "other.py": "import uuid",
        "json/notes.txt": "no module",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    always = imports_of([])
    found = imports_of([tmp_path / "shop.py", tmp_path / "missing.py"])
    assert set(found) - set(always) == {
        Import("csv"),
        Import("os.path"),
        Import("no.such"),
        Import("decimal", ("Decimal", "Context")),
        Import("sqlite3"),
    }
    assert Import("json") in always
