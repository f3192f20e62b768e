"""The crash matrix: what is proved of a store and a strategy, and what is only not explored."""

from __future__ import annotations

from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.spec import Spec
from ticketlab.lab.exploring.crash_matrix import crash
from ticketlab.lab.exploring.crash_result import CrashResult
from ticketlab.lab.plugins.combinations import UnsupportedPair

LOCKED = Fault(FaultKind.LOCKED)
SERVICE = Fault(FaultKind.KILL_SERVICE)


def test_faults_that_cannot_strike_a_pair_prove_nothing_of_it() -> None:
    json, flock = Spec("json"), Spec("flock")
    reason = "json has no lock of its own that an outsider could hold; flock has no service process"
    assert crash((json, flock), (LOCKED, SERVICE)) == UnsupportedPair(json, flock, reason)


def test_an_unguarded_pair_goes_wrong_without_a_fault_and_is_not_called_safe() -> None:
    found = crash((Spec("sqlite"), Spec("none")), (LOCKED, SERVICE))
    assert isinstance(found, CrashResult)
    assert (found.valid, found.faults, found.claims_safety) == (False, ["locked"], False)
    assert found.anyway == ["lost update", "ticket sold twice"]
    assert found.summary == "lost update and ticket sold twice, even without a fault"
    assert [(each.name, bool(each.sentence)) for each in found.anomalies] == [(name, True) for name in found.anyway]


def test_a_guarded_pair_holds_at_every_point() -> None:
    found = crash((Spec("sqlite"), Spec("atomic")), (LOCKED,))
    assert isinstance(found, CrashResult)
    assert (found.valid, found.reason, found.summary) == (True, "", "correct at every point")
    assert len(found.points) == 2
