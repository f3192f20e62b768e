"""Plain functions raced live, and once by a plan."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings

import ticketlab
from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultPoint
from ticketlab.lab.plain.explore import replay_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.timings import Schedule, Timing
from ticketlab.timings.hypothesis_strategies import faults, timings


def lay_out(folder: Path) -> None:
    (folder / "jobs").mkdir()
    (folder / "jobs" / "1").touch()


def claim(who: int) -> bool:
    if not Path("jobs/1").exists():
        return False
    Path(f"claimed.{who}").touch()
    Path("jobs/1").unlink(missing_ok=True)
    return True


def claim_at_once(who: int) -> bool:
    try:
        os.rename("jobs/1", f"claimed.{who}")
    except FileNotFoundError:
        return False
    return True


def one_claim(returned: list[bool]) -> bool:
    return returned.count(True) <= 1


def claim_together(who: int) -> bool:
    """Look for the job, wait until the other has looked as well, and claim it."""
    free = Path("jobs/1").exists()
    Path(f"looked.{who}").touch()
    while not (Path("looked.1").exists() and Path("looked.2").exists()):
        time.sleep(0.001)
    return free


@pytest.mark.slow
def test_a_race_that_cannot_go_right_goes_wrong_every_time_and_one_that_can_does() -> None:
    with pytest.raises(UsageError, match="process 1 is not done in time though the processes go one after another"):
        ticketlab.race(claim_together, reset=lay_out, timeout=0.2, times=1)
    found = ticketlab.race(claim_at_once, reset=lay_out, returned=one_claim, serial=True, times=5, processes=3)
    assert found.verdict.valid
    assert (found.races, found.wrong) == (5, 0)


def test_a_live_race_tells_what_went_wrong_first_and_how_often() -> None:
    def fail(who: int) -> None:
        if who == 2:
            raise KeyError("gone")
        os._exit(3)

    found = ticketlab.race(fail, times=2)
    assert (found.races, found.wrong, dict(found.names)) == (2, 2, {"exception": 2})
    (told,) = found.verdict.anomalies
    assert told.sentence == "process 1 ended with SystemExit: its process ended with exit code 3"


def test_results_of_no_order_are_undecided_unless_they_are_asked_for() -> None:
    def both(who: int) -> int:
        Path(f"here.{who}").touch()
        for _ in range(20):
            if len(os.listdir()) == 2:
                return 2
            time.sleep(0.002)
        return 1

    found = ticketlab.race(both, times=1)
    assert found.verdict.valid is None or found.in_no_order == 0
    asked = ticketlab.race(both, times=1, serial=True)
    assert asked.verdict.valid is (asked.in_no_order == 0)


@pytest.mark.slow
def test_a_timing_decides_who_comes_first() -> None:
    apart = ticketlab.race(claim, Timing(((), (1_000,))), reset=lay_out, returned=one_claim)
    assert apart.valid
    together = ticketlab.race(claim, Timing(((), ())), reset=lay_out, returned=one_claim)
    assert [anomaly.name for anomaly in together.anomalies] == ["check then act", "wrong results"]
    assert "process 1" in str(together)
    plain = PlainFunction(function=claim, reset=lay_out, returned=one_claim, name=together.case.function)
    again, anomalies = replay_plain(plain, together.case)
    assert again.steps == together.execution.steps
    assert [anomaly.name for anomaly in anomalies] == list(together.case.anomalies)
    assert not ticketlab.race(claim, together.schedule, reset=lay_out, returned=one_claim).valid


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(timings(buyers=3), faults(buyers=3))
def test_what_claims_in_one_step_is_right_at_any_time_whoever_dies(
    timing: Timing, faults: tuple[FaultPoint, ...]
) -> None:
    assert ticketlab.race(claim_at_once, timing, faults=faults, reset=lay_out, returned=one_claim).valid


def test_a_race_that_is_asked_for_wrongly_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^unknown setting of a live race 'proceses': did you mean 'processes'\?"):
        ticketlab.race(claim, proceses=3)  # type: ignore[call-overload]
    with pytest.raises(UsageError, match=r"^the timing is for 2 processes, and the race of 3"):
        ticketlab.race(claim, Timing(((), ())), processes=3)
    with pytest.raises(UsageError, match="names nobody: there are 2 participants"):
        ticketlab.race(claim, Schedule(()), faults=[FaultPoint(5, 0, Fault.parse("kill"))])
