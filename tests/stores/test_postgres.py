"""PostgreSQL: the server of the lab's own, explorations in which statements wait in it, and what is never shown."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.stores.purchases import buy, opened, remaining
from ticketlab.core.errors import TicketlabError
from ticketlab.core.inventory import Buy, Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.stores.postgres_session import PostgresSession
from ticketlab.stores.servers.postgresql import postgresql_server
from ticketlab.strategies.purchase import fulfil

pytestmark = pytest.mark.usefixtures("in_tmp_path")

RIGHT = [
    "transaction:repeatable-read",
    "transaction:serializable",
    "row-lock",
    "row-lock:nowait",
    "advisory",
    "optimistic",
    "atomic",
    "unique",
    "row-lock:skip-locked",
]
WRONG = [
    "none",
    "transaction:read-committed",
    "transaction:retry-too-much",
    "row-lock:other-transaction",
    "advisory:early-release",
    "unique:count-check",
]


_LIMIT = 1_000


def workload(strategy: str, buyers: int = 2, tickets: int = 1) -> ScenarioWorkload:
    return ScenarioWorkload(Scenario(Spec("postgres"), Spec.parse(strategy), buyers, Inventory.of(tickets)))


def outcomes(strategy: str, policy: DepthFirst | SourceSets, buyers: int = 2) -> tuple[set[object], list[object], bool]:
    """Return what requests returned in all executions of a search, the anomalies, and whether it came to its end."""
    subject = workload(strategy, buyers)
    executions = 0
    told: set[object] = set()
    anomalies: list[object] = []
    with Inline(subject) as executor:
        for execution in search(executor, policy, _LIMIT):
            executions += 1
            told.add(frozenset((record.buyer, record.outcome) for record in execution.records))
            anomalies += subject.judge(execution)
    return told, anomalies, executions < _LIMIT


@pytest.mark.parametrize("strategy", RIGHT)
def test_a_right_strategy_is_right_in_every_schedule(strategy: str) -> None:
    told, anomalies, exhausted = outcomes(strategy, SourceSets())
    assert (anomalies, exhausted) == ([], True)
    assert len(told) == 2  # either buyer gets the ticket


@pytest.mark.parametrize("strategy", WRONG)
def test_a_wrong_strategy_is_found_out(strategy: str) -> None:
    assert outcomes(strategy, SourceSets())[1]


@pytest.mark.parametrize(
    "strategy",
    [
        "row-lock",
        "transaction:read-committed",
        "advisory:early-release",
        "unique",
        "unique:count-check",
        "row-lock:skip-locked",
    ],
)
def test_fewer_executions_come_to_the_same_outcomes(strategy: str) -> None:
    assert outcomes(strategy, SourceSets())[::2] == outcomes(strategy, DepthFirst())[::2]


def executions(executor: Inline | Processes) -> Iterator[Execution]:
    return search(executor, DepthFirst(), 8)


def test_who_waits_in_the_server_goes_on_where_the_lock_is_given_back() -> None:
    with Inline(workload("row-lock")) as here, Processes(workload("row-lock")) as there:
        waited = 0
        for one, other in zip(executions(here), executions(there), strict=False):
            assert (one.schedule, one.notes) == (other.schedule, other.notes)
            waits = [step for step in one.trace.steps if step.action is Action.ARRIVE]
            waited += bool(waits)
        assert waited


def test_the_books_are_read_from_a_server_that_was_killed_and_started_again(tmp_path: Path) -> None:
    with opened("postgres", tmp_path) as store:
        buy(store, 1)
        server = postgresql_server()
        watched = os.pidfd_open(server.pid)
        os.kill(server.pid, signal.SIGKILL)
        select.select([watched], [], [])
        os.close(watched)
        assert remaining(store) == 8


def test_a_transaction_without_a_statement_leaves_nothing_behind(tmp_path: Path) -> None:
    with opened("postgres", tmp_path) as store, store.session() as session:
        assert isinstance(session, PostgresSession)
        with session.transaction("serializable"):
            pass
        with pytest.raises(KeyError), session.transaction("serializable"):
            raise KeyError
        before = remaining(store)
        fulfil(session, Buy(1, "main"))  # by transactions of their own, which others see at once
        assert remaining(store) == before - 1


def test_your_own_server_is_left_as_it_was(tmp_path: Path) -> None:
    folder = postgresql_server().folder
    address = f"postgresql://postgres:secret@/postgres?host={folder}"

    def schemas() -> set[str]:
        with psycopg.connect(host=str(folder), user="postgres", dbname="postgres") as connection:
            return {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace")}

    before = schemas()
    with opened(f"postgres:url={address}", tmp_path) as store:
        buy(store, 1)
        assert remaining(store) == 8
        assert len(schemas()) == len(before) + 1
    assert schemas() == before


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    spec = Spec.parse("postgres:url=postgresql://me:secret@localhost:1/books")
    assert "secret" not in f"{spec} {spec!r}"
    with pytest.raises(TicketlabError, match="cannot connect to PostgreSQL") as caught, opened(str(spec), tmp_path):
        pass
    assert "secret" not in str(caught.value)


_LAB = """
import sys, time
from pathlib import Path
from tests.stores.purchases import opened
from ticketlab.stores.servers.postgresql import postgresql_server
with opened("postgres", Path(sys.argv[1])):
    server = postgresql_server()
    print(server.pid, server.folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, None])
def test_the_server_is_gone_with_the_lab(ending: signal.Signals | None, tmp_path: Path) -> None:
    lab = subprocess.Popen(
        [sys.executable, "-c", _LAB, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert lab.stdin is not None
    assert lab.stdout is not None
    pid, folder = lab.stdout.readline().split()
    with os.fdopen(os.pidfd_open(int(pid))) as server:
        if ending is None:
            lab.stdin.close()
        else:
            lab.send_signal(ending)
        select.select([server], [], [])
    lab.wait()
    lab.stdin.close()
    lab.stdout.close()
    gone = Path(folder)
    while gone.exists():  # the keeper removes it when the server has ended
        os.sched_yield()


def test_no_port_is_open() -> None:
    with psycopg.connect(host=str(postgresql_server().folder), user="postgres", dbname="postgres") as connection:
        row = connection.execute("SHOW listen_addresses").fetchone()
    assert row == ("",)


def test_a_buyer_of_another_process_connects_by_itself(tmp_path: Path) -> None:
    with opened("postgres", tmp_path) as store:
        buy(store, 1)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with store.session() as session:
                    fulfil(session, Buy(2, "main"))
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert remaining(store) == 7


_ADOPTING_LATER = """
from ticketlab.cli import orphans
from ticketlab.stores.servers.postgresql import postgresql_server
print(postgresql_server().folder)
orphans.adopt()  # what is done at the end is done in reverse order
"""


@pytest.mark.slow
def test_what_ends_orphans_leaves_the_server_to_its_keeper() -> None:
    ran = subprocess.run([sys.executable, "-c", _ADOPTING_LATER], capture_output=True, text=True, check=True)
    assert not Path(ran.stdout.strip()).exists()


_WITHOUT = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # as if it were not installed
from ticketlab.__main__ import main
sys.argv[:] = ["ticketlab", *sys.argv[2:]]
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("psycopg", ["race", "--store", "postgres"]),
        ("psycopg", ["explore", "--store", "postgres", "--strategy", "row-lock"]),
        ("psycopg", ["isolation", "--store", "postgres"]),
        ("valkey,redis", ["race", "--store", "valkey"]),
    ],
)
def test_without_its_extra_a_server_is_refused_in_a_line_that_names_it(missing: str, command: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", _WITHOUT, missing, *command], capture_output=True, text=True)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert f"pip install 'ticketlab[{command[2]}]'" in line
