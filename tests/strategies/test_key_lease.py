"""Leases in a key of a server: what happens to a holder that is slower than its lease, or dies, and by whose clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given

from tests.strategies.purchases import buy, explored_with_faults, opened
from ticketlab import PlanResult, explore, run_plan
from ticketlab.core.errors import Conflict
from ticketlab.core.inventory import Buy, Sold
from ticketlab.core.pacing import Free, paced_by
from ticketlab.core.plugin import Store
from ticketlab.core.scenario import Scenario
from ticketlab.explorer.results import ExploreOptions
from ticketlab.stores.valkey import ValkeyStore
from ticketlab.stores.valkey_session import ValkeySession
from ticketlab.strategies.purchase import fulfil
from ticketlab.testing import check_strategy
from ticketlab.timings import Timing
from ticketlab.timings.hypothesis_strategies import timings

pytestmark = pytest.mark.usefixtures("in_tmp_path")

SECOND = 1_000_000  # in the microseconds of timings


def played(strategy: str, timing: Timing, executor: str = "inline") -> PlanResult:
    return run_plan(Scenario.of("valkey", strategy, buyers=2, tickets=1), timing, executor=executor)


# The first buyer takes the lease, reads, and is away for 15 s; the second is refused, and takes the lease after 10 s.
AWAY = Timing(((0, 0, 15 * SECOND), (1,)))


@pytest.mark.parametrize("strategy", ["key-lease", "key-lease:unfenced", "key-lease:no-expiry"])
def test_every_variant_conforms(strategy: str) -> None:
    check_strategy(strategy, store="valkey")


@pytest.mark.parametrize("strategy", ["atomic", "atomic:unchecked", "optimistic", "lock", "clerk"])
def test_other_strategies_conform_on_valkey(strategy: str) -> None:
    check_strategy(strategy, store="valkey")


def test_a_decrement_without_a_floor_goes_below_zero() -> None:
    found = explore(Scenario.of("valkey", "atomic:unchecked", buyers=2, tickets=1), ExploreOptions(exhaust=True))
    assert found.names.keys() == {"oversold", "negative stock"}
    assert found.finding is not None
    assert found.finding.confirmed == "confirmed on real processes"
    assert found.finding.case.steps == ("read stock:main",) * 2 + ("write stock:main",) * 2


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_holder_that_was_away_for_longer_than_its_lease_sells_a_ticket_again(executor: str) -> None:
    found = played("key-lease:unfenced", AWAY, executor)
    assert "ticket sold twice" in [one.name for one in found.anomalies]


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_fenced_it_is_refused_and_told_so(executor: str) -> None:
    found = played("key-lease:fenced", AWAY, executor)
    assert found.valid
    assert ("retry", "the store has seen a newer lease") in [(note.what, note.value) for note in found.execution.notes]


@pytest.mark.parametrize("strategy", ["key-lease:unfenced,seconds=20", "key-lease:no-expiry"])
def test_a_longer_lease_covers_it(strategy: str) -> None:
    assert played(strategy, AWAY).valid


@given(timings(buyers=2, steps=10, longest=30 * SECOND))
def test_fenced_it_sells_right_whoever_is_away_and_for_how_long(timing: Timing) -> None:
    assert played("key-lease:fenced", timing).valid


@pytest.mark.slow
def test_a_pause_is_too_long_for_a_lease_without_a_fence() -> None:
    found = explored_with_faults("valkey", "key-lease:unfenced", "pause", tickets=1)
    assert found.names.keys() == {"oversold", "ticket sold twice", "lost update"}
    assert explored_with_faults("valkey", "key-lease:fenced", "pause", tickets=1).verdict.valid


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["fenced", "unfenced"])
def test_the_lease_of_the_dead_ends_by_itself(variant: str) -> None:
    assert explored_with_faults("valkey", f"key-lease:{variant}", "kill", tickets=1).verdict.valid


@pytest.mark.slow
def test_without_an_expiry_the_dead_keep_it_for_ever() -> None:
    found = explored_with_faults("valkey", "key-lease:no-expiry", "kill", tickets=1)
    assert found.names.keys() == {"lock never released"}


class Controlled(Free):
    """The clock of an exploration: it stands still until it is told to go on."""

    may_wait = False
    time = 1e9

    def now(self, *, wall: bool) -> float:
        return self.time


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made, _ = opened("valkey", "key-lease", tmp_path)
    yield made
    made.close()


def lifetime(store: Store, session: object) -> int:
    """Return for how many milliseconds more the server keeps the lease by its own clock, or -1 if for ever."""
    left: int = cast("ValkeySession", session)._server("PTTL", cast("ValkeyStore", store)._keys().lease)
    return left


def test_under_control_the_server_has_no_clock(store: Store) -> None:
    controlled = Controlled()
    with paced_by(controlled), store.session() as opened_one:
        session = cast("ValkeySession", opened_one)
        assert session.take_lease(10.0).token == 1
        assert lifetime(store, session) == -1
        assert session.take_lease(10.0) == (0, 10.0)
        controlled.time += 9.0
        assert session.take_lease(10.0) == (0, 1.0)
        controlled.time += 1.0
        assert session.take_lease(10.0).token == 2


def test_live_the_server_ends_it_by_its_own(store: Store) -> None:
    with store.session() as opened_one:
        session = cast("ValkeySession", opened_one)
        assert session.take_lease(0.02).token == 1
        while not (lease := session.take_lease(100.0)).token:
            assert lease == (0, None)
        assert 0 < lifetime(store, session) <= 100_000


def test_only_its_holder_gives_a_lease_back(store: Store) -> None:
    with store.session() as opened_one:
        session = cast("ValkeySession", opened_one)
        lease = session.take_lease(None)
        session.end_lease(lease.token + 1)
        assert session.take_lease(None).token == 0
        session.end_lease(lease.token)
        assert session.take_lease(None).token == lease.token + 1


def test_a_token_that_was_shown_fences_older_ones_off(store: Store) -> None:
    with store.session() as opened_one:
        session = cast("ValkeySession", opened_one)
        old, new = session.fenced(1), session.fenced(2)
        change = Buy(1, "main").on(old.read("main"))
        assert fulfil(new, Buy(2, "main")) == Sold((1,))
        assert change.stock is not None
        for refused in (lambda: old.write(change.stock, change.entry), lambda: old.read("main")):
            with pytest.raises(Conflict, match="newer lease") as caught:
                refused()
            assert caught.value.definite
        assert store.books().stocks["main"].remaining == 89


def test_a_reset_forgets_every_lease(tmp_path: Path) -> None:
    store, strategy = opened("valkey", "key-lease:no-expiry", tmp_path)
    with store.session() as opened_one:
        session = cast("ValkeySession", opened_one)
        session.fenced(session.take_lease(None).token).read("main")
        store.reset()
        assert session.take_lease(None).token == 1
        session.end_lease(1)
    assert buy(store, strategy, 1) == Sold((1,))
    store.close()
