"""Functions that use PostgreSQL, as they stand: what is told of them, and what the lab says that it has not tried."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import pytest

from tests.lab.plain.test_explore import explored
from tests.plain_programs import postgres_elsewhere as elsewhere
from tests.plain_programs import postgres_shop as shop
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.participants import ready_participants
from ticketlab.lab.plain.race import race_function
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.report.plain_function import drawn_steps

BOUNDED = ExploreOptions(executor="processes", executions=100)


def sold(function: Callable[..., object], how: ExploreOptions = BOUNDED) -> PlainExploration:
    mapped = function in (shop.mapped, shop.mapped_and_locked)
    reset = shop.reset_mapped if mapped else shop.reset
    return explored(function, how, server="postgres", reset=reset, returned=shop.one_seat)


def explored_alone(function: Callable[..., object]) -> PlainExploration:
    return explored(function, BOUNDED, server="postgres", reset=shop.reset)


@pytest.mark.parametrize(
    "function",
    [shop.locked, shop.in_a_block, shop.atomic, shop.serializable, shop.advised, shop.mapped_and_locked],
)
def test_right_functions_are_proved(function: Callable[[], bool]) -> None:
    assert sold(function).verdict.valid


@pytest.mark.slow
@pytest.mark.parametrize(
    "function", [shop.read_then_write, shop.locked_too_early, shop.advised_too_briefly, shop.mapped]
)
def test_a_lost_update_is_found_with_the_statements_that_cross(function: Callable[[], bool]) -> None:
    found = sold(function).finding
    assert found is not None
    assert [each.name for each in found.anomalies] == ["lost update", "wrong results"]


@pytest.mark.slow
def test_a_server_whose_address_the_function_knows_is_controlled_as_well() -> None:
    elsewhere.address()  # the database is there before processes are made
    found = explored(elsewhere.read_then_write, BOUNDED, reset=elsewhere.reset, returned=shop.one_seat).finding
    assert found is not None
    assert [each.name for each in found.anomalies] == ["lost update", "wrong results"]
    assert explored(elsewhere.locked, BOUNDED, reset=elsewhere.reset, returned=shop.one_seat).verdict.valid


@pytest.mark.slow
def test_the_table_names_statements_and_commits() -> None:
    found = sold(shop.read_then_write).finding
    assert found is not None
    told = drawn_steps(found.execution, found.anomalies, "process", {})
    assert "read stock" in told
    assert "commit postgres" in told


@pytest.mark.slow
def test_a_refusal_that_nobody_retries_is_an_exception() -> None:
    found = sold(shop.not_retried).finding
    assert found is not None
    assert any("SerializationFailure" in each.sentence for each in found.anomalies)


@pytest.mark.parametrize("function", [shop.crosswise, shop.many_crosswise])
def test_two_locks_taken_crosswise_end_in_a_deadlock_that_the_server_finds(function: Callable[[int], None]) -> None:
    found = explored_alone(function).finding
    assert found is not None
    assert any("DeadlockDetected" in each.sentence for each in found.anomalies)


def test_two_locks_taken_in_one_order_are_proved() -> None:
    assert explored_alone(shop.in_order).verdict.valid


@pytest.mark.slow
def test_a_connection_that_is_dropped_gives_back_what_it_has_locked() -> None:
    assert explored_alone(shop.dropped).verdict.valid


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (shop.with_copy, "COPY"),
        (shop.with_time, "now"),
        (shop.with_messages, "LISTEN and NOTIFY"),
        (shop.with_timeout, "a time-out of the server's"),
        (shop.whole_table, "locks several rows of stock"),
        (shop.asynchronously, "psycopg.AsyncConnection"),
    ],
)
def test_what_is_not_tried_is_named_and_nothing_is_proved(function: Callable[[], object], told: str) -> None:
    verdict = explored_alone(function).verdict
    assert verdict.valid is None
    assert told in verdict.reason


def ends(function: Callable[..., object], policy: Policy) -> set[str]:
    """Return what participants came to in all executions of a search: results, or kinds of errors."""
    plain = PlainFunction(function=function, server="postgres", reset=shop.reset)
    found = set()
    with ready_participants(plain, ExploreOptions(executor="inline")) as (executor, _):
        for execution in search(executor, policy, 1_000):
            records = sorted(execution.records, key=lambda record: record.buyer)
            found.add(str([getattr(each.outcome, "kind", each.outcome) for each in records]))
    return found


@pytest.mark.thorough
@pytest.mark.parametrize(
    "function",
    [shop.read_then_write, shop.locked_too_early, shop.not_retried, shop.crosswise, shop.advised_too_briefly],
)
def test_the_reduced_search_reaches_every_end(function: Callable[..., object]) -> None:
    """Each connection has a lock of its own, which nobody waits for: with all switches there are too many schedules."""
    assert ends(function, SourceSets()) == ends(function, DepthFirst(preemptions=2))


def test_a_pipeline_is_refused() -> None:
    with pytest.raises(TicketlabError, match="uses a pipeline"):
        explored_alone(shop.with_pipeline)


def test_a_connection_from_before_the_search_is_refused() -> None:
    with shop.connect() as early:

        def ask() -> None:
            early.execute("SELECT 1")

        with pytest.raises(TicketlabError, match="open it in the function"):
            explored_alone(ask)


@pytest.mark.slow
def test_live_races_go_wrong_on_the_same_server() -> None:
    reset, returned = shop.reset, shop.one_seat
    right = PlainFunction(function=shop.locked, server="postgres", reset=reset, returned=returned)
    assert race_function(right, 5).valid
    wrong = PlainFunction(function=shop.read_then_write, server="postgres", reset=reset, returned=returned)
    assert race_function(wrong, 100).valid is False


WITH_POOL = pytest.mark.skipif(find_spec("psycopg_pool") is None, reason="psycopg_pool is not installed")


@WITH_POOL
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_a_pool_of_connections_starts_no_threads(kind: str) -> None:
    how = ExploreOptions(executor=kind, executions=100)
    reset, returned = shop.reset, shop.one_seat
    assert explored(shop.pooled, how, server="postgres", reset=reset, returned=returned).finding is not None
    assert explored(shop.pooled_and_locked, how, server="postgres", reset=reset, returned=returned).verdict.valid


@WITH_POOL
@pytest.mark.parametrize("function", [shop.pooled_for_a_moment, shop.pooled_after_a_failure, shop.given_back_late])
def test_a_pool_keeps_its_limit_and_what_it_is_to_keep(function: Callable[[], bool]) -> None:
    assert explored(function, ExploreOptions(executor="processes"), server="postgres", returned=all).finding is None


def test_a_server_that_is_unknown_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="postgres"):
        PlainFunction(function=shop.locked, server="postgrs")
