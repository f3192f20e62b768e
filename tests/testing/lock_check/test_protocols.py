"""The laws of locks, held against a second judge that tries every interleaving of tiny protocols by brute force.

`tests/fuzz/test_lock_protocols.py` draws protocols at random.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.testing.lock_check.interpreter import RELEASES, TAKES, Interpreter, Protocol, ProtocolLock
from ticketlab.testing.lock_check.laws import try_scenario
from ticketlab.testing.lock_check.remains import LockRemains
from ticketlab.testing.lock_check.scenarios import LockScenario, LockUnderTest, left_by_the_dead, long_pause, visits
from ticketlab.testing.lock_check.subject import LOCK_FILE, LockSubject

MOST = 1_000  # executions


def left_by_a_dead_holder(copy: Path) -> LockRemains:
    """Return what a dead holder left: an empty file."""
    (copy / LOCK_FILE).touch()
    return LockRemains(copy, 0, (LOCK_FILE,))


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> LockRemains:
    return left_by_a_dead_holder(tmp_path_factory.mktemp("left"))


def protocols() -> st.SearchStrategy[Protocol]:
    return st.builds(
        Protocol,
        take=st.lists(st.sampled_from(TAKES), min_size=1, max_size=4).map(tuple),
        release=st.lists(st.sampled_from(RELEASES), max_size=2).map(tuple),
        finally_=st.booleans(),
    )


def agree(protocol: Protocol, left: LockRemains) -> None:
    """Require that both judges say the same of a protocol in each of three scenarios, unless one is undecided."""

    def make_lock(path: Path) -> ProtocolLock:
        return ProtocolLock(path, protocol)

    lock = LockUnderTest(LockSubject.of(make_lock), left)
    pairs: list[tuple[LockScenario, Interpreter]] = [
        (visits(lock, 2, 2), Interpreter(protocol, 2)),
        (long_pause(lock), Interpreter(protocol, 1, comes_late=True)),
        (left_by_the_dead(lock), Interpreter(protocol, 1, stale=True)),
    ]
    for scenario, interpreter in pairs:
        tried = try_scenario(lock, scenario, MOST)
        found = {anomaly.name for anomaly in tried.found.finding.anomalies} if tried.found.finding else set()
        if found or tried.found.exhausted:
            assert "deadlock" in found or ("two holders" in found) == interpreter.admits_two(), scenario.title


@pytest.mark.slow
@settings(phases=[Phase.explicit])
@given(protocol=protocols())
@example(Protocol(("open", "flock", "same file"), ("unlink", "close")))
@example(Protocol(("if old", "unlink", "create"), ("unlink",)))
def test_both_judges_say_the_same_of_a_lock(left: LockRemains, protocol: Protocol) -> None:
    agree(protocol, left)
