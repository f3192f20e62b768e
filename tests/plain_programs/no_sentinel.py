"""A cook and a guest, who is to be told that there is no more."""

from multiprocessing import Queue
from pathlib import Path

queue: "Queue[str | None]" = Queue()


def cook() -> None:
    for n in range(3):
        queue.put(f"dumpling {n}")


def eat(dish: str) -> None:
    with open("eaten.txt", "a") as f:
        f.write(dish + "\n")


def bad(who: int) -> None:
    if who == 1:
        cook()
    else:
        while True:
            eat(str(queue.get()))


def good(who: int) -> None:
    if who == 1:
        cook()
        queue.put(None)
    else:
        while (dish := queue.get()) is not None:
            eat(dish)


def reset(folder: Path) -> None:
    """There is nothing to begin with."""


def invariant(folder: Path) -> None:
    assert len((folder / "eaten.txt").read_text().splitlines()) == 3
