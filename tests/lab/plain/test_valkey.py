"""Functions that use Valkey, as they stand: what is told of them, and what the lab says that it has not tried."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab.plain.test_explore import explored
from tests.plain_programs import valkey_shop as shop
from ticketlab.core.faults import Fault
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.lab.plain.servers import server_named

BOUNDED = ExploreOptions(executor="processes", executions=200)
PAUSED = ExploreOptions(executor="processes", executions=200, faults=(Fault.parse("pause"),))


def sold(function: Callable[..., object], how: ExploreOptions = BOUNDED) -> PlainExploration:
    return explored(function, how, server="valkey", reset=shop.reset, returned=shop.one_seat)


def explored_alone(function: Callable[..., object]) -> PlainExploration:
    return explored(function, BOUNDED, server="valkey", reset=shop.reset)


@pytest.mark.parametrize("function", [shop.watched, shop.counted, shop.scripted, shop.locked, shop.leased])
def test_right_functions_are_proved(function: Callable[[], bool]) -> None:
    assert sold(function).verdict.valid


@pytest.mark.parametrize("function", [shop.read_then_write, shop.transacted])
def test_a_lost_update_is_found_with_the_commands_that_cross(function: Callable[[], bool]) -> None:
    found = sold(function).finding
    assert found is not None
    assert "lost update" in [each.name for each in found.anomalies]


@pytest.mark.slow
@pytest.mark.parametrize("function", [shop.leased, shop.polled])
def test_a_lease_without_a_fence_fails_if_its_holder_is_paused(function: Callable[[], bool]) -> None:
    found = sold(function, PAUSED).finding
    assert found is not None
    assert "wrong results" in [each.name for each in found.anomalies]


def test_a_lease_that_is_polled_for_is_not_proved() -> None:
    verdict = sold(shop.polled).verdict
    assert verdict.valid is None
    assert "tries again" in verdict.reason


def test_a_command_that_waits_gets_what_is_pushed() -> None:
    assert explored_alone(shop.handed_over).finding is None


@pytest.mark.slow
def test_a_command_that_waits_for_ever_is_a_deadlock() -> None:
    found = explored_alone(shop.starved).finding
    assert found is not None
    assert found.anomalies[0].name in ("deadlock", "livelock")


def test_a_command_that_waits_ends_by_its_time_out() -> None:
    result = explored(shop.times_out, BOUNDED, server="valkey", returned=all)
    assert result.finding is None


@pytest.mark.parametrize("function", [shop.made_anew, shop.renamed, shop.kept, shop.ended_at_once])
def test_a_key_has_the_end_that_the_server_would_give_it(function: Callable[[int], bool]) -> None:
    assert explored(function, BOUNDED, server="valkey", returned=all).finding is None


def test_of_a_hash_it_is_told_which_field_has_which_value() -> None:
    server = server_named("valkey")
    server.empty()
    told = []
    for first, second in ((1, 2), (2, 1)):
        shop.client().hset("seats", mapping={"first": first, "second": second})
        told.append(dict(server.contents()))
    shop.client().delete("seats")
    shop.client().hset("seats", mapping={"second": 1, "first": 2})
    assert told[0] != told[1] == dict(server.contents())


def test_commands_that_are_sent_together_are_told_apart() -> None:
    found = explored(shop.in_a_pipe, BOUNDED, server="valkey", serial=True).finding
    assert found is not None
    assert found.anomalies[0].name in ("lost update", "not serializable")


@pytest.mark.parametrize(
    ("function", "told"), [(shop.with_subscription, "subscriptions"), (shop.with_time, "the server's clock")]
)
def test_what_is_not_tried_is_named_and_nothing_is_proved(function: Callable[[], object], told: str) -> None:
    verdict = explored_alone(function).verdict
    assert verdict.valid is None
    assert told in verdict.reason
