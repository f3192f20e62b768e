"""Small random histories of transactions: interleaved on a store of some isolation, and then perhaps falsified."""

from __future__ import annotations

from random import Random
from typing import Any

from ticketlab.checker.transactions.events import transactions_of
from ticketlab.checker.transactions.history import TransactionHistory

Event = dict[str, Any]


def random_history(
    random: Random, lists: bool, most: int = 4, duplicates: bool = False, keys: str = "xy"
) -> TransactionHistory:
    """Return 1 to `most` transactions of up to 3 accesses, randomly isolated; half with a false read."""
    return transactions_of(enumerate(random_events(random, lists, most, duplicates, keys), 1), "line")


def random_events(random: Random, lists: bool, most: int, duplicates: bool = False, keys: str = "xy") -> list[Event]:
    """Return the events of such a history."""
    fresh = iter(range(1, 1000))
    plans = []
    for _ in range(random.randint(1, most)):
        plan: list[list[Any]] = []
        for _ in range(random.randint(1, 3)):
            key = random.choice(keys)
            if random.random() < 0.5:
                plan.append(["r", key, None])
            else:
                value = random.randint(1, 2) if duplicates else next(fresh)
                plan.append(["append" if lists else "w", key, value])
        plans.append(plan)
    events = _interleaved(random, plans, random.choice(("dirty", "committed", "snapshot", "serial")), lists)
    if random.random() < 0.5:
        _falsify(random, events, lists)
    return events


def _interleaved(random: Random, plans: list[Any], isolation: str, lists: bool) -> list[Event]:
    """Run the plans step by step in a random order, on a store that shows each what its isolation lets it see."""
    store: dict[str, Any] = {}
    waiting = list(range(len(plans)))
    running: dict[int, dict[str, Any]] = {}
    process: dict[int, int] = {}
    events: list[Event] = []
    while waiting or running:
        start = waiting and (not running or (isolation != "serial" and random.random() < 0.4))
        if start:
            number = waiting.pop(0)
            process[number] = min(set(range(len(plans))) - {process[each] for each in running})
            running[number] = {"done": [], "own": {}, "snapshot": dict(store)}
            events.append({"type": "invoke", "f": "txn", "process": process[number], "value": plans[number]})
            continue
        number = random.choice(list(running))
        state = running[number]
        if len(state["done"]) < len(plans[number]):
            _access(state, plans[number][len(state["done"])], store, isolation, lists)
            continue
        del running[number]
        kind = random.choices(("ok", "info", "fail"), (8, 1, 1))[0]
        if kind == "ok" or (kind == "info" and random.random() < 0.5):
            for key, values in state["own"].items():
                store[key] = [*store.get(key, []), *values] if lists else values[-1]
        value = state["done"] if kind == "ok" else plans[number]
        events.append({"type": kind, "f": "txn", "process": process[number], "value": value})
    return events


def _access(state: dict[str, Any], op: list[Any], store: dict[str, Any], isolation: str, lists: bool) -> None:
    f, key, value = op
    if f != "r":
        if isolation == "dirty":
            store[key] = [*store.get(key, []), value] if lists else value
        else:
            state["own"].setdefault(key, []).append(value)
    else:
        value = (state["snapshot"] if isolation == "snapshot" else store).get(key)
        own = state["own"].get(key)
        if own:
            value = [*(value or []), *own] if lists else own[-1]
    state["done"].append([f, key, value])


def _falsify(random: Random, events: list[Event], lists: bool) -> None:
    """Let one read have seen something else that was written to its key, or nothing."""
    reads = [op for event in events if event["type"] == "ok" for op in event["value"] if op[0] == "r"]
    if not reads:
        return
    op = random.choice(reads)
    written = [
        each[2] for e in events if e["type"] == "invoke" for each in e["value"] if each[0] != "r" and each[1] == op[1]
    ]
    if lists:
        random.shuffle(written)
        op[2] = written[: random.randint(0, len(written))] if random.random() < 0.5 else (op[2] or [])[:-1]
    else:
        op[2] = random.choice([None, *written])
