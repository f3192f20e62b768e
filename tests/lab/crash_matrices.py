"""Crash matrices, made up instead of explored."""

from __future__ import annotations

from typing import Any

from tests.lab.comparisons import MACHINE
from ticketlab.cli.command_lines import explore_line
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import FaultPointResult
from ticketlab.lab.exploring.crash_result import CrashMatrixResult, CrashResult
from ticketlab.lab.plugins.combinations import UnsupportedPair

KILL = Fault(FaultKind.KILL)
NO_SERVICE = UnsupportedPair(Spec("sqlite"), Spec("optimistic"), "optimistic has no service process")


def crash(strategy: str = "flock", store: str = "sqlite", *, claims: bool = True, waited: float = 0.0,
          names: dict[str, int] | None = None, anyway: tuple[str, ...] = (), reason: str = "",
          left_behind: tuple[str, ...] = ()) -> CrashResult:  # fmt: skip
    """Return a row: `names` are the anomalies that need a fault, `anyway` those that do not."""
    names = names or {}
    points = [FaultPointResult(KILL, "buyer 1", 0, "write a_b", 1200, len(names), names, waited)]
    sentences = {name: f"a sentence about {name}" for name in (*names, *anyway)}
    return CrashResult(store, strategy, claims, ["kill"], points, 2400, names, anyway, sentences, left_behind, reason)


CORRECT = crash(waited=10.0)
LEFT_LOCK = crash("lock", names={"corrupted file": 1, "lock never released": 3}, left_behind=("a.lock",))
UNSYNCHRONIZED = crash("none", claims=False, anyway=("lost update",))
LUCKY = crash("lease:unfenced", claims=False)
UNDECIDED = crash("clerk", reason="2,400 executions are not all")


def crash_matrix(*rows: CrashResult, unsupported: tuple[UnsupportedPair, ...] = ()) -> dict[str, Any]:
    found = CrashMatrixResult(rows, unsupported, [KILL], MACHINE)
    return found.to_json("ticketlab compare --faults kill", explore_line)
