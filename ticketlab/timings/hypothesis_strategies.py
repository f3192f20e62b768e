"""Hypothesis strategies for what varies in a race: timings, schedules, orders, faults, whole scenarios.

They draw plain values, whose `repr` can be pasted into `@example`. They shrink towards the race that is shortest to
tell: no delay, no preemption, no fault, the fewest buyers, one ticket for each order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind, FaultPoint
from ticketlab.core.inventory import Buy, Inventory, Request, Search
from ticketlab.core.scenario import Scenario
from ticketlab.timings.plans import Schedule, Timing

Bounds = int | tuple[int, int]
Orders = tuple[tuple[Request, ...], ...]


def timings(buyers: Bounds, *, steps: int = 8, longest: int = 1_000) -> SearchStrategy[Timing]:
    """Return a strategy for timings: delays of up to `longest` microseconds before each buyer's first `steps` steps.

    `buyers` is their number, or the least and the greatest. Shrinks to fewer buyers, then to fewer and shorter delays.
    """
    low, high = _bounds("buyers", buyers, least=1)
    _at_least("steps", steps, 0)
    _at_least("longest", longest, 0)
    own = st.lists(st.integers(0, longest), max_size=steps).map(_without_trailing_zeros)
    return st.lists(own, min_size=low, max_size=high).map(tuple).map(Timing)


def _without_trailing_zeros(delays: Sequence[int]) -> tuple[int, ...]:
    """Return the delays in the one form that all timings of the same meaning have."""
    end = len(delays)
    while end and not delays[end - 1]:
        end -= 1
    return tuple(delays[:end])


def schedules(buyers: int, *, switches: int = 8, longest: int = 8) -> SearchStrategy[Schedule]:
    """Return a strategy for schedules: up to `switches` stretches of up to `longest` steps by one buyer each.

    Shrinks to fewer stretches, and so to fewer preemptions, then to shorter ones, then to buyers with lower numbers.
    """
    _at_least("buyers", buyers, 1)
    _at_least("switches", switches, 0)
    _at_least("longest", longest, 1)
    stretch = st.tuples(st.integers(1, buyers), st.integers(1, longest))
    return st.lists(stretch, max_size=switches).map(_turns)


def _turns(stretches: Sequence[tuple[int, int]]) -> Schedule:
    return Schedule(tuple(who for who, steps in stretches for _ in range(steps)))


def orders(
    buyers: int, tickets: int | Mapping[str, int] = 1, *, most: int = 2, searches: bool = True
) -> SearchStrategy[Orders]:
    """Return a strategy for the requests of each buyer, in order: up to `most` orders, or searches if they are allowed.

    `tickets` is what is for sale, as in `Scenario.of`. An order is for 1 ticket up to all of its section. Shrinks to
    buyers without requests, then to orders of one ticket.
    """
    _at_least("buyers", buyers, 1)
    _at_least("most", most, 1)
    sections = Inventory.of(tickets).sections
    names = [name for name, count in sections.items() if count]
    if not names:
        raise UsageError("there are no tickets to order: at least 1 is needed")

    def script(buyer: int) -> SearchStrategy[tuple[Request, ...]]:
        buy = st.sampled_from(names).flatmap(
            lambda name: st.integers(1, sections[name]).map(lambda quantity: Buy(buyer, name, quantity))
        )
        search = st.sampled_from(names).map(lambda name: Search(buyer, name))
        return st.lists(buy | search if searches else buy, max_size=most).map(tuple)

    return st.tuples(*(script(1 + who) for who in range(buyers)))


def faults(
    buyers: int, kinds: str | Sequence[str] = "kill", *, most: int = 1, points: int = 12
) -> SearchStrategy[tuple[FaultPoint, ...]]:
    """Return a strategy for faults: at most `most` participants get one each, at one of their first `points` steps.

    `kinds` names the faults, as on the command line: `["pause:2s", "io-error"]`. `kill-service` is for the first
    service. Shrinks to no fault, then to the first kind at the earliest step of the first buyer.
    """
    _at_least("buyers", buyers, 1)
    _at_least("most", most, 0)
    _at_least("points", points, 1)

    def at_a_point(fault: Fault) -> SearchStrategy[FaultPoint]:
        first, last = (buyers, buyers) if fault.kind is FaultKind.KILL_SERVICE else (0, buyers - 1)
        return st.builds(FaultPoint, st.integers(first, last), st.integers(0, points - 1), st.just(fault))

    one = st.sampled_from([Fault.parse(name) for name in _names("faults", kinds)]).flatmap(at_a_point)
    return st.lists(one, max_size=most, unique_by=lambda each: each.who).map(_by_participant)


def _by_participant(points: Sequence[FaultPoint]) -> tuple[FaultPoint, ...]:
    return tuple(sorted(points, key=lambda point: point.who))


def scenarios(
    stores: str | Sequence[str] = "memory",
    strategies: str | Sequence[str] = "none",
    *,
    buyers: Bounds = (2, 4),
    tickets: Bounds = (1, 3),
    orders: Bounds = 1,
    ledger: bool = True,
) -> SearchStrategy[Scenario]:
    """Return a strategy for scenarios over some stores and strategies, each given as a name or a list of names.

    Every strategy must run on every store. Shrinks to the first store and strategy, the fewest buyers and tickets.
    """
    low, high = _bounds("tickets", tickets, least=1)
    return st.builds(
        Scenario.of,
        st.sampled_from(_names("stores", stores)),
        st.sampled_from(_names("strategies", strategies)),
        buyers=st.integers(*_bounds("buyers", buyers, least=1)),
        tickets=st.integers(low, high),
        orders=st.integers(*_bounds("orders", orders, least=1)),
        seed=st.just(0),
        ledger=st.just(ledger),
    )


def _names(what: str, given: str | Sequence[str]) -> list[str]:
    names = [given] if isinstance(given, str) else list(given)
    if not names:
        raise UsageError(f"no {what} to choose from: name at least 1")
    return names


def _bounds(what: str, given: Bounds, *, least: int) -> tuple[int, int]:
    low, high = (given, given) if isinstance(given, int) else given
    _at_least(what, low, least)
    if low > high:
        raise UsageError(f"{low} to {high} {what} runs backwards: the lower bound comes first")
    return low, high


def _at_least(what: str, given: int, least: int) -> None:
    if given < least:
        raise UsageError(f"{what} is {given}: at least {least} is needed")
