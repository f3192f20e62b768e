"""Long histories of a real execution: transactions run one after another, while others have been invoked."""

from __future__ import annotations

from random import Random
from typing import Any

Event = dict[str, Any]


def serial_events(random: Random, transactions: int, lists: bool, processes: int = 10, keys: int = 20) -> list[Event]:
    """Return the events of a strictly serializable execution; a register is always read before it is written.

    A key is left for a new one after some fifty writes, so that lists stay short.
    """
    store: dict[int, Any] = {}
    writes = [0] * keys
    running: dict[int, list[list[Any]]] = {}
    events: list[Event] = []
    made = value = 0
    while made < transactions or running:
        process = random.randrange(processes)
        if process in running:
            done = [_run(store, access, lists) for access in running.pop(process)]
            events.append({"type": "ok", "f": "txn", "process": process, "value": done})
        elif made < transactions:
            made += 1
            plan: list[list[Any]] = []
            for _ in range(random.randint(1, 4)):
                slot = random.randrange(keys)
                key = slot + keys * (writes[slot] // 50)
                if random.random() < 0.5:
                    plan.append(["r", key, None])
                    continue
                writes[slot] += 1
                value += 1
                plan += [["append", key, value]] if lists else [["r", key, None], ["w", key, value]]
            running[process] = plan
            events.append({"type": "invoke", "f": "txn", "process": process, "value": plan})
    return events


def _run(store: dict[int, Any], access: list[Any], lists: bool) -> list[Any]:
    f, key, value = access
    if f == "r":
        return ["r", key, list(store.get(key, ())) if lists else store.get(key)]
    if f == "append":
        store.setdefault(key, []).append(value)
    else:
        store[key] = value
    return [f, key, value]
