"""Live races: what is unsynchronized goes wrong, what is guarded does not, whatever starts the buyers."""

from __future__ import annotations

import resource
from multiprocessing import active_children
from pathlib import Path

import pytest

from ticketlab import race
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import stores, strategies
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import run_race
from ticketlab.timings.latency import Latency

pytestmark = pytest.mark.usefixtures("in_tmp_path")

SAFE = [
    (store.name, f"{strategy.name}:{variant}".rstrip(":"))
    for strategy in strategies()
    for variant in (strategy.variants or {"": ""})
    for store in stores()
    if store.name != "private"
    and not store.in_process
    and not strategy.unsupported_on(store, Spec(strategy.name, variant))
    and strategy.claims_safety(Spec(strategy.name, variant))
]
MORE_SAFE = [
    ("json:rename", "lock"),
    ("json:in-place", "flock"),
    ("json:in-place", "flock:data-file"),  # it is the renaming that makes this one wrong
    ("sqlite:journal=delete", "transaction:deferred"),
    ("sqlite:journal=delete", "transaction:exclusive"),
    ("json", "clerk:socket,server=process"),
    ("json", "clerk:socket,server=pool,transport=tcp,workers=2"),
    ("sqlite", "clerk:joinable,clerks=3"),
]
WRONG = [
    ("json", "none", 1),
    ("json:rename", "none", 1),
    ("json:in-place", "none", 1),
    ("sqlite", "none", 1),
    ("manager", "none", 1),
    ("private", "none", 1),
    ("private", "lock", 1),
    ("json", "lock:too-late", 1),
    ("manager", "lock:too-late", 1),
    ("json:rename", "flock:data-file", 3),
    ("json", "flock:unlink", 3),
]


def scenario(store: str, strategy: str, **changes: object) -> Scenario:
    settings: dict[str, object] = {"buyers": 12, "inventory": Inventory({"main": 5})}
    return Scenario(Spec.parse(store), Spec.parse(strategy), **(settings | changes))  # type: ignore[arg-type]


def live(launcher: str = "process", latency: str = "write=20ms") -> RaceOptions:
    return RaceOptions(Spec.parse(launcher), Latency.parse(latency))


@pytest.mark.slow
@pytest.mark.parametrize(("store", "strategy"), SAFE + MORE_SAFE)
def test_a_cure_sells_every_ticket_once(store: str, strategy: str) -> None:
    result = race(scenario(store, strategy, buyers=7), live())
    assert [anomaly.sentence for anomaly in result.verdict.anomalies] == []
    assert result.sold == 5
    assert result.books["stocks"]["main"]["remaining"] == 0


@pytest.mark.parametrize(("store", "strategy", "orders"), WRONG)
def test_what_is_wrong_goes_wrong(store: str, strategy: str, orders: int) -> None:
    result = race(scenario(store, strategy, orders=orders, inventory=Inventory({"main": 11})), live())
    names = {anomaly.name for anomaly in result.verdict.anomalies}
    assert result.valid is False
    assert names & {"oversold", "ticket sold twice", "lost update"}


@pytest.mark.parametrize("launcher", ["process:forkserver", "process:spawn", "pool:3", "threads"])
@pytest.mark.parametrize("strategy", ["lock", "flock", "clerk"])
def test_every_launcher_hands_over_what_a_strategy_shares(launcher: str, strategy: str) -> None:
    result = race(scenario("json", strategy, buyers=6), live(launcher))
    assert result.valid
    assert result.sold == 5


@pytest.mark.parametrize("launcher", ["process", "process:spawn", "pool:3", "threads"])
def test_nothing_guards_under_any_launcher(launcher: str) -> None:
    assert race(scenario("json", "none", buyers=6), live(launcher)).valid is False


def test_threads_share_the_dict_that_processes_have_copies_of() -> None:
    assert race(scenario("private", "lock"), live("threads")).valid
    assert race(scenario("private", "lock"), live("process")).valid is False


def test_orders_of_several_tickets_in_several_sections() -> None:
    inventory = Inventory({"floor": 30, "boxes": 6})
    result = race(
        scenario("sqlite", "atomic", inventory=inventory, quantity=(1, 4), orders=5, seed=3), live(latency="")
    )
    assert result.valid
    assert {operation.section for operation in result.history.operations} == {"floor", "boxes"}
    assert result.sold == 36 - sum(stock["remaining"] for stock in result.books["stocks"].values())


def test_a_history_counts_from_the_gun_and_tells_what_each_buyer_read() -> None:
    result = race(scenario("manager", "lock", buyers=3), live())
    operations = result.history.operations
    assert 0 < operations[0].invoke_ns < 60_000_000_000
    assert sorted(operation.process for operation in operations) == [1, 2, 3]
    for operation in operations:
        assert operation.return_ns is not None
        assert operation.invoke_ns < operation.return_ns
        assert [action for _, action, _ in operation.accesses] == ["read", "write"]


def test_retries_are_counted() -> None:
    result = race(scenario("sqlite", "optimistic"), live())
    assert result.valid
    assert result.metrics.retries > 0


def test_a_race_leaves_nothing_behind(tmp_path: Path) -> None:
    race(scenario("json", "filelock"), live(latency=""))
    assert [path.name for path in (tmp_path / ".ticketlab" / "live").iterdir()] == [".lock"]


@pytest.mark.parametrize("clerk", ["clerk", "clerk:socket", "clerk:socket,server=pool", "clerk:robust"])
def test_a_clerk_whose_disk_is_full_says_nothing_about_the_strategy(clerk: str) -> None:
    def fill() -> None:
        for each in active_children():  # the clerks: buyers write nothing
            assert each.pid is not None
            resource.prlimit(each.pid, resource.RLIMIT_FSIZE, (0, 0))

    with pytest.raises(TicketlabError, match="the disk is full"):
        run_race(scenario("json", clerk), live(), meanwhile=fill)


def test_a_named_folder_is_kept_and_never_overwritten(tmp_path: Path) -> None:
    settings = RaceOptions(folder=tmp_path / "mine")
    race(scenario("json", "lock"), settings)
    written = (tmp_path / "mine" / "inventory.json").read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        race(scenario("json", "lock"), settings)
    assert (tmp_path / "mine" / "inventory.json").read_bytes() == written


def test_who_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "mine" / "inventory.lock").mkdir(parents=True)
    with pytest.raises(TicketlabError, match=r"a participant could not start .*Is a directory"):
        race(scenario("json", "flock"), RaceOptions(folder=tmp_path / "mine"))


def test_a_combination_that_cannot_be_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="atomic does not run on json: atomic needs a conditional update"):
        race(scenario("json", "atomic"))
