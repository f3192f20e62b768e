"""The last ticket in a JSON file: read, check, written back."""

import fcntl
import json
from pathlib import Path


def bad(who: int) -> None:
    stock = json.loads(Path("stock.json").read_text())
    if stock["left"] > 0:
        stock["left"] -= 1
        Path("stock.json").write_text(json.dumps(stock))
        Path(f"sold.{who}").touch()


def good(who: int) -> None:
    with open("stock.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        bad(who)


def reset(folder: Path) -> None:
    (folder / "stock.json").write_text('{"left": 1}')


def invariant(folder: Path) -> None:
    assert json.loads((folder / "stock.json").read_text())["left"] == 0
    assert len(list(folder.glob("sold.*"))) == 1
