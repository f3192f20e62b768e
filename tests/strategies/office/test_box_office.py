"""The box office among clients that mean it no good: real buyers go on buying, and the books stay right."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab import explore
from ticketlab.core.inventory import Buy, Cancel, Search
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plugins.registry import registered
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import run_race
from ticketlab.strategies.clerk import KIND
from ticketlab.strategies.office.box_office import BoxOffice
from ticketlab.strategies.office.pending_clients import MOST_PENDING
from ticketlab.strategies.office.wire import format_request, parse_request

NESTED = b"[" * 60_000 + b"\n"
STRANGERS: dict[str, tuple[bytes, ...]] = {
    "nothing": (b"",),
    "no token": (
        bytes(range(256)) * 8,
        b"\0" * 100,
        b"\n\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",  # a length of its own
        (1 << 62).to_bytes(8, "big") + b"x",
        b'["buy", 1, "main", 1]\n',
        b"cos\nsystem\n(S'touch pwned'\ntR.",  # a pickle
    ),
}
MAD: dict[str, tuple[bytes, ...]] = {
    "half a request": (b'["buy", 1, "ma',),
    "no request": (
        os.urandom(2000) + b"\n",
        b"x" * 300_000,  # a line without end
        NESTED,
        b"9" * 60_000 + b"\n",
        b'["buy", 1, "moon", 1]\n',
        b'["buy", 99999999999999999999, "main", 1]\n["search", -1, "main"]\n',  # beyond the stores' numbers
        b'{"buy": 1}\n',
    ),
}


@contextmanager
def beset(office: BoxOffice, messages: list[bytes], *, keep: int, times: int | None = None) -> Iterator[None]:
    """Connect again and again, say one of the messages and fall silent; so many connections stay open at a time."""
    stop = Event()

    def besiege() -> None:
        kept: list[socket.socket] = []
        for number, message in enumerate(cycle(messages)):
            if stop.wait(0.0005) or number == times:
                break
            client = socket.socket(office._listener.family)
            client.settimeout(1.0)
            kept.append(client)
            try:
                client.connect(office._address)
                client.sendall(message)
            except OSError:  # disconnected in the middle of it
                pass
            while len(kept) > keep:
                kept.pop(0).close()
        stop.wait()
        for each in kept:
            each.close()

    thread = Thread(target=besiege, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def raced(server: str, transport: str, besiege: Callable[[BoxOffice], Any]) -> None:
    """Race buyers at a box office that is beset from before the gun until the last one is home."""
    offices: list[BoxOffice] = []
    sieges: list[Any] = []

    def build(variant: str, **_: str) -> BoxOffice:
        offices.append(BoxOffice(server, transport, 2))
        return offices[-1]

    def meanwhile() -> None:
        sieges.append(besiege(offices[-1]))
        sieges[-1].__enter__()

    with registered(replace(KIND, name="beset", build=build)):
        try:
            scenario = Scenario.of("sqlite", "beset", buyers=6, orders=40, tickets=200)
            result = run_race(scenario, RaceOptions(timeout=50), meanwhile=meanwhile)
        finally:
            for siege in sieges:
                siege.__exit__(None, None, None)
    assert result.verdict.anomalies == []
    assert result.sold == 200


@pytest.mark.slow
@pytest.mark.parametrize("what", STRANGERS)
@pytest.mark.parametrize("transport", ["unix", "tcp"])
@pytest.mark.parametrize("server", ["selector", "process", "pool"])
def test_strangers_change_nothing(server: str, transport: str, what: str) -> None:
    raced(server, transport, lambda office: beset(office, list(STRANGERS[what]), keep=3 * MOST_PENDING))


@pytest.mark.parametrize("what", STRANGERS)
@pytest.mark.parametrize("server", ["selector", "process", "pool"])
def test_who_hangs_up_at_once_changes_nothing(server: str, what: str) -> None:
    raced(server, "unix", lambda office: beset(office, list(STRANGERS[what]), keep=0))


@pytest.mark.parametrize("what", MAD)
@pytest.mark.parametrize("server", ["selector", "process", "pool"])
def test_a_buyer_gone_mad_is_disconnected_and_the_others_go_on(server: str, what: str) -> None:
    # A pool's worker waits for a silent buyer for some seconds, so there it is a few of them.
    times = 4 * len(MAD[what])
    raced(
        server, "unix", lambda office: beset(office, [office._token + line for line in MAD[what]], keep=2, times=times)
    )


@pytest.mark.parametrize("server", ["selector", "process", "pool"])
def test_half_a_token_then_silence_changes_nothing(server: str) -> None:
    raced(server, "unix", lambda office: beset(office, [office._token[:-1], office._token[:3] + b"?"], keep=200))


def test_a_schedule_repeats_itself_also_where_several_clients_are_ready() -> None:
    scenario = Scenario.of("memory", "clerk:socket", buyers=2, tickets=4, orders=2)
    found = explore(scenario, ExploreOptions(policy=Spec("dfs"), executions=300))
    assert (found.executions, found.anomalous) == (300, 0)


def test_nobody_outside_this_machine_or_user_can_connect() -> None:
    def look(office: BoxOffice) -> Any:
        if office._listener.family == socket.AF_INET:
            assert office._address[0] == "127.0.0.1"
        else:
            assert office._path is not None
            assert office._path.parent.stat().st_mode & 0o077 == 0
        return beset(office, [b""], keep=0, times=0)

    raced("selector", "tcp", look)
    raced("selector", "unix", look)


@given(st.binary(max_size=100))
def test_a_message_is_a_request_or_a_value_error(line: bytes) -> None:
    try:
        request = parse_request(line)
    except ValueError:
        return
    assert isinstance(request, Buy | Search | Cancel)


COUNTS = st.integers(1, (1 << 53) - 1)


@given(
    st.builds(Buy, COUNTS, st.text(), COUNTS)
    | st.builds(Search, COUNTS, st.text())
    | st.builds(Cancel, COUNTS, st.text(), st.lists(COUNTS).map(tuple))
)
def test_a_request_comes_through_as_it_was_sent(request: Buy | Search | Cancel) -> None:
    assert parse_request(format_request(request)) == request
