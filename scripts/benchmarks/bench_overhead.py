"""What the lab costs: guarded sales per second inside it, against bare loops over the same store and guard.

Both sides fork their buyers, wait until all are ready, and buy one ticket at a time from a large stock until each has
placed its orders; the rate is sales from the start signal to the last answer. The lab records every operation and every
step.

    uv run python scripts/benchmarks/bench_overhead.py [--buyers 8,100] [--only json+lock] [--compared] [--awake]
"""

from __future__ import annotations

import argparse
import fcntl
import json
import multiprocessing
import os
import sqlite3
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic_ns
from typing import Any, NamedTuple

from sqlalchemy import create_engine, event, select, update
from sqlalchemy.pool import NullPool

from scripts.benchmarks import runner
from scripts.benchmarks.runner import Measurement, Sample
from scripts.benchmarks.subject import Inventory, Scenario, Spec, race_rate
from ticketlab.stores.schema import METADATA, STOCK

TICKETS = 1_000_000
Buyer = Callable[[], None]
"""One bare purchase."""


class Case(NamedTuple):
    """One comparison: the lab's store and strategy, the bare loop, sales in one run, and the ratio to reach."""

    name: str
    store: str
    strategy: str
    bare: Callable[[Path, int], Any]
    sales: int
    bar: float


def document() -> dict[str, Any]:
    """Return the books as the lab's JSON file has them."""
    record = {"tickets": TICKETS, "remaining": TICKETS, "issued": 0, "version": 0}
    return {"sections": {"main": record}, "ledger": None}


def sell_json(path: Path) -> None:
    """Read, check and write the JSON file."""
    with open(path, "rb") as file:
        books = json.loads(file.read())
    record = books["sections"]["main"]
    if record["remaining"] >= 1:
        record["remaining"] -= 1
        record["issued"] += 1
        record["version"] += 1
        with open(path, "w", encoding="utf-8") as out:
            out.write(json.dumps(books))


@contextmanager
def json_lock(folder: Path, buyers: int) -> Iterator[Callable[[int], Buyer]]:
    """A JSON file under multiprocessing.Lock."""
    path, lock = folder / "inventory.json", multiprocessing.Lock()
    path.write_text(json.dumps(document()), encoding="utf-8")

    def buy() -> None:
        with lock:
            sell_json(path)

    yield lambda _: buy


@contextmanager
def json_flock(folder: Path, buyers: int) -> Iterator[Callable[[int], Buyer]]:
    """A JSON file under fcntl.flock on a file beside it."""
    path, guard = folder / "inventory.json", folder / "inventory.lock"
    path.write_text(json.dumps(document()), encoding="utf-8")
    guard.touch()

    def connect(_: int) -> Buyer:
        file = os.open(guard, os.O_RDWR)

        def buy() -> None:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                sell_json(path)
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

        return buy

    yield connect


@contextmanager
def manager_lock(folder: Path, buyers: int) -> Iterator[Callable[[int], Buyer]]:
    """A Manager().dict under multiprocessing.Lock."""
    with multiprocessing.Manager() as manager:
        records, lock = manager.dict({"main": (TICKETS, TICKETS, 0, 0, None)}), multiprocessing.Lock()

        def buy() -> None:
            with lock:
                tickets, remaining, issued, version, sales = records["main"]
                if remaining >= 1:
                    records["main"] = (tickets, remaining - 1, issued + 1, version + 1, sales)

        def connect(_: int) -> Buyer:
            len(records)
            return buy

        yield connect


@contextmanager
def json_clerk(folder: Path, buyers: int) -> Iterator[Callable[[int], Buyer]]:
    """A clerk that owns a JSON file, behind a SimpleQueue, with a SimpleQueue of answers for each buyer."""
    path = folder / "inventory.json"
    path.write_text(json.dumps(document()), encoding="utf-8")
    requests: Any = multiprocessing.SimpleQueue()
    answers: list[Any] = [multiprocessing.SimpleQueue() for _ in range(buyers)]

    def serve() -> None:
        while (buyer := requests.get()) is not None:
            sell_json(path)
            answers[buyer].put(True)

    clerk = multiprocessing.Process(target=serve)
    clerk.start()

    def connect(buyer: int) -> Buyer:
        def buy() -> None:
            requests.put(buyer)
            answers[buyer].get()

        return buy

    yield connect
    requests.put(None)
    clerk.join()


@contextmanager
def sqlite_core(folder: Path, buyers: int) -> Iterator[Callable[[int], Buyer]]:
    """SQLite under BEGIN IMMEDIATE in a plain SQLAlchemy Core loop."""
    url = f"sqlite:///{folder / 'inventory.db'}"

    def engine() -> Any:
        made = create_engine(url, poolclass=NullPool)

        @event.listens_for(made, "connect")
        def _connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None
            for pragma in ("busy_timeout=60000", "journal_mode=wal", "synchronous=normal"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(made, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return made

    with engine().begin() as connection:
        METADATA.create_all(connection)
        row = {"section": "main", "tickets": TICKETS, "remaining": TICKETS, "issued": 0, "version": 0}
        connection.execute(STOCK.insert(), row)

    def connect(_: int) -> Buyer:
        connection = engine().connect()
        here = STOCK.c.section == "main"

        def buy() -> None:
            with connection.begin():
                row = connection.execute(select(STOCK).where(here)).one()
                if row.remaining >= 1:
                    after = {"remaining": row.remaining - 1, "issued": row.issued + 1, "version": row.version + 1}
                    connection.execute(update(STOCK).where(here).values(after))

        return buy

    yield connect


@contextmanager
def sqlite_driver(folder: Path, buyers: int) -> Iterator[Callable[[int], Buyer]]:
    """SQLite under BEGIN IMMEDIATE in a loop over the standard library's driver."""
    path = folder / "inventory.db"

    def open_() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, timeout=60)
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute("PRAGMA synchronous=normal")
        return connection

    first = open_()
    first.execute("CREATE TABLE stock (section TEXT PRIMARY KEY, tickets, remaining, issued, version)")
    first.execute("INSERT INTO stock VALUES ('main', ?, ?, 0, 0)", (TICKETS, TICKETS))
    first.close()

    def connect(_: int) -> Buyer:
        run = open_().execute

        def buy() -> None:
            run("BEGIN IMMEDIATE")
            _, remaining, issued, version = run(
                "SELECT tickets, remaining, issued, version FROM stock WHERE section = ?", ("main",)
            ).fetchone()
            if remaining >= 1:
                run(
                    "UPDATE stock SET remaining = ?, issued = ?, version = ? WHERE section = ?",
                    (remaining - 1, issued + 1, version + 1, "main"),
                )
            run("COMMIT")

        return buy

    yield connect


CASES = (
    Case("json+lock", "json", "lock", json_lock, 12000, 0.8),
    Case("json+flock", "json", "flock", json_flock, 12000, 0.8),
    Case("manager+lock", "manager", "lock", manager_lock, 20000, 0.8),
    Case("json+clerk", "json", "clerk", json_clerk, 12000, 0.8),
    Case("sqlite+immediate / Core loop", "sqlite", "transaction:immediate", sqlite_core, 10000, 0.8),
    Case("sqlite+immediate / driver loop", "sqlite", "transaction:immediate", sqlite_driver, 60000, 0.4),
)


def bare_rate(case: Case, buyers: int, orders: int) -> float:
    """Run a bare loop in forked processes and return its sales per second."""
    stamp = struct.Struct("<qq")
    with tempfile.TemporaryDirectory(dir=".") as folder, case.bare(Path(folder), buyers) as connect:
        # Made only now: a manager or a clerk that had the gun too would keep it from being seen.
        (ready_r, ready_w), (gun_r, gun_w), (done_r, done_w) = os.pipe(), os.pipe(), os.pipe()

        def run(buyer: int) -> None:
            os.close(gun_w)
            buy = connect(buyer)
            os.write(ready_w, b".")
            os.read(gun_r, 1)
            began = monotonic_ns()
            for _ in range(orders):
                buy()
            os.write(done_w, stamp.pack(began, monotonic_ns()))

        processes = [multiprocessing.Process(target=run, args=(buyer,)) for buyer in range(buyers)]
        for each in processes:
            each.start()
        arrived = 0
        while arrived < buyers:
            arrived += len(os.read(ready_r, buyers))
        os.close(gun_w)
        for each in processes:
            each.join()
        times = [stamp.unpack(os.read(done_r, stamp.size)) for _ in range(buyers)]
    for each_end in (ready_r, ready_w, gun_r, done_r, done_w):
        os.close(each_end)
    seconds = (max(end for _, end in times) - min(start for start, _ in times)) / 1e9
    return float(buyers * orders / seconds)


def lab_rate(case: Case, buyers: int, orders: int, *, trace: bool) -> float:
    """Run the same race in the lab, recorded with or without its steps, and return its sales per second."""
    scenario = Scenario(
        Spec.parse(case.store),
        Spec.parse(case.strategy),
        buyers=buyers,
        inventory=Inventory({"main": TICKETS}),
        orders=orders,
        ledger=False,
    )
    return race_rate(scenario, trace=trace)


@contextmanager
def _once(sample: Sample) -> Iterator[Sample]:
    """Nothing has to be made ready: each sample starts its buyers afresh."""
    yield sample


def cases(given: argparse.Namespace) -> Iterable[Measurement]:
    """Return every case with every number of buyers."""
    for case in CASES:
        for buyers in map(int, given.buyers.split(",")):
            orders = max(1, case.sales // buyers)
            yield Measurement(
                f"{case.name}, {buyers} buyers",
                partial(_once, partial(lab_rate, case, buyers, orders, trace=not given.compared)),
                beside="bare",
                other=partial(_once, partial(bare_rate, case, buyers, orders)),
                ratio_bar=case.bar,
            )


def main() -> int:
    """Print one line for each case and number of buyers."""
    options = runner.parser(__doc__, rounds=5)
    options.add_argument("--buyers", default="8,100")
    options.add_argument("--compared", action="store_true", help="record as a comparison does: requests, not steps")
    return runner.main(options, {"cases": cases})


if __name__ == "__main__":
    sys.exit(main())
