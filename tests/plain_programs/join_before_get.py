"""A worker that answers by a queue, and a parent that waits for the worker's end before it takes the answer."""

from multiprocessing import Event, Queue
from pathlib import Path

queue: "Queue[str]" = Queue()
ended = Event()


def work() -> None:
    queue.put("x" * 300_000)
    queue.close()
    queue.join_thread()
    ended.set()


def bad(who: int) -> None:
    if who == 1:
        work()
    else:
        ended.wait()
        Path("length").write_text(str(len(queue.get())))


def good(who: int) -> None:
    if who == 1:
        work()
    else:
        answer = queue.get()
        ended.wait()
        Path("length").write_text(str(len(answer)))


def reset(folder: Path) -> None:
    """There is nothing to begin with."""


def invariant(folder: Path) -> None:
    assert (folder / "length").read_text() == "300000"
