"""Right ways to share objects that a manager keeps; the manager runs as long as they are asked for."""

from __future__ import annotations

from multiprocessing.managers import SyncManager
from queue import Empty
from typing import Any

from tests.plain_programs.manager_counter import visit_locked
from ticketlab.lab.plain.function import PlainFunction


def right(manager: SyncManager) -> list[PlainFunction]:
    """Return functions that share objects of a manager."""
    counts, names, place = manager.dict(home=0), manager.list(), manager.Namespace()
    lock, rlock, semaphore, items = manager.Lock(), manager.RLock(), manager.Semaphore(1), manager.Queue()
    total, ready = manager.Value("i", 0), manager.Event()
    place.n = 0

    def dict_under_lock() -> None:
        visit_locked(counts, lock)

    def namespace_under_rlock() -> None:
        with rlock, rlock:
            place.n += 1

    def value_under_semaphore() -> None:
        with semaphore:
            total.value += 1

    def claim_by_setdefault(who: int) -> bool:
        return bool(counts.setdefault("owner", who) == who)

    def claim_by_pop() -> bool:
        return counts.pop("home", None) is not None

    def append_to_list(who: int) -> None:
        names.append(who)

    def list_under_lock(who: int) -> None:
        with lock:
            names[:] = [*names, who]

    def producer_and_consumer(who: int) -> list[int] | None:
        if who == 1:
            for each in (1, 2, None):
                items.put(each)
            return None
        return list(iter(items.get, None))

    def answer_by_event(who: int) -> None:
        if who == 1:
            place.n = 42
            ready.set()
        else:
            assert ready.wait(60)
            assert place.n == 42

    def get_until_empty(who: int) -> Any:
        if who == 1:
            items.put("job")
            return None
        try:
            return items.get(block=False)
        except Empty:
            return "none yet"

    def one_winner(returned: list[bool]) -> bool:
        return returned.count(True) == 1

    return [
        PlainFunction(function=dict_under_lock, invariant=lambda: counts["home"] == 2),
        PlainFunction(function=namespace_under_rlock, invariant=lambda: place.n == 2),
        PlainFunction(function=value_under_semaphore, invariant=lambda: total.value == 2),
        PlainFunction(function=claim_by_setdefault, returned=one_winner),
        PlainFunction(function=claim_by_pop, returned=one_winner),
        PlainFunction(function=append_to_list, invariant=lambda: sorted(names) == [1, 2]),
        PlainFunction(function=list_under_lock, invariant=lambda: sorted(names) == [1, 2]),
        PlainFunction(function=producer_and_consumer, returned=lambda told: told[1] == [1, 2]),
        PlainFunction(function=answer_by_event, invariant=lambda: place.n == 42),
        PlainFunction(function=get_until_empty, returned=lambda told: told[1] in ("job", "none yet")),
    ]
