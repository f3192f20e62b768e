"""Event loops of a participant's own sleep in virtual time, and wait for ever if nothing can wake them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration


def explored(function: Callable[..., object]) -> PlainExploration:
    def lay_out(folder: Path) -> None:
        (folder / "count").write_text("0")

    return explore_plain(PlainFunction(function=function, reset=lay_out), ExploreOptions(executor="processes"))


async def nap(seconds: float) -> None:
    count = int(Path("count").read_text())
    await asyncio.sleep(seconds)
    Path("count").write_text(str(count + 1))


def append() -> None:
    with open("log", "a") as log:
        log.write("x")


@pytest.mark.slow
def test_a_race_across_an_await_that_sleeps_is_found() -> None:
    found = explored(lambda: asyncio.run(nap(100)))
    assert found.names == {"lost update": 1}


def test_each_sleep_takes_its_time_and_the_shorter_one_ends_first() -> None:
    ended: list[int] = []

    async def sleeps(seconds: int) -> None:
        await asyncio.sleep(seconds)
        ended.append(seconds)

    async def both() -> None:
        await asyncio.gather(sleeps(100), sleeps(50))

    def run() -> None:
        began = time.monotonic()
        asyncio.run(both())
        append()
        assert ended == [50, 100]
        assert 100 <= time.monotonic() - began < 101
        ended.clear()

    found = explored(run)
    assert (found.valid, found.exhausted) == (True, True)


@pytest.mark.slow
def test_a_time_out_ends_what_nothing_ends() -> None:
    async def give_up() -> bool:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 100)
        except TimeoutError:
            return True
        return False

    def run() -> None:
        assert asyncio.run(give_up())
        append()

    assert explored(run).valid is True


@pytest.mark.slow
def test_what_nothing_can_wake_waits_for_ever() -> None:
    async def wait() -> None:
        append()
        await asyncio.Event().wait()

    (anomaly,) = explored(lambda: asyncio.run(wait())).verdict.anomalies
    assert anomaly.name == "deadlock"
    assert anomaly.sentence.startswith("process 1 waits for something in its event loop")


@pytest.mark.slow
def test_whoever_waits_for_another_program_waits_in_real_time() -> None:
    def run() -> None:
        shown = subprocess.run(["sh", "-c", "sleep 0.01; echo shown"], capture_output=True, timeout=100, check=True)
        assert shown.stdout == b"shown\n"
        assert os.path.exists("count")

    assert explored(run).finding is None
