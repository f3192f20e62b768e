"""A coupon that is checked before the lock is taken, and counted under it."""

import fcntl
import json
from pathlib import Path

FILE = Path("coupon.json")


def valid() -> bool:
    coupon = json.loads(FILE.read_text())
    return bool(coupon["used"] < coupon["limit"])


def count() -> None:
    coupon = json.loads(FILE.read_text())
    coupon["used"] += 1
    FILE.write_text(json.dumps(coupon))


def bad(who: int) -> None:
    if valid():
        with open("coupon.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            count()


def good(who: int) -> None:
    with open("coupon.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if valid():
            count()


def reset(folder: Path) -> None:
    (folder / FILE).write_text('{"used": 0, "limit": 1}')


def invariant(folder: Path) -> None:
    coupon = json.loads((folder / FILE).read_text())
    assert coupon["used"] <= coupon["limit"]
