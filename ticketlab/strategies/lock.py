"""The strategies that hold a lock in memory, right ones and wrong ones; the locks themselves are in `process_lock`."""

from __future__ import annotations

from ticketlab.core.plugin import Capability, Strategy, StrategyKind
from ticketlab.strategies.process_lock import ManagerLock, ProcessLock


def _build(variant: str) -> Strategy:
    if variant == "too-late":
        from ticketlab.strategies.wrong import LockTooLate  # imported here: a race under the right lock starts sooner

        return LockTooLate(variant)
    return ProcessLock(variant)


def _build_check(variant: str) -> Strategy:
    from ticketlab.strategies.wrong import CheckThenLock

    return CheckThenLock(variant)


KIND = StrategyKind(
    name="lock",
    summary="a multiprocessing.Lock around the purchase",
    variants={
        "whole": "read, check and write with the lock held",
        "too-late": "wrong on purpose: only the write is locked",
    },
    needs=frozenset({Capability.RECORDS}),
    build=_build,
    wrong=frozenset({"too-late"}),
    reasons={"": "one buyer at a time holds the lock"},
    parts={"": ("a lock handed to each process",)},
)

CHECK_KIND = StrategyKind(
    name="check-then-lock",
    summary="wrong on purpose: looks whether a hold is still valid before it takes the lock",
    needs=frozenset({Capability.RECORDS, Capability.HOLDS}),
    build=_build_check,
    wrong=frozenset({""}),
    parts={"": ("a lock handed to each process",)},
)

MANAGER_KIND = StrategyKind(
    name="manager-lock",
    summary="a Manager().Lock around the purchase",
    needs=frozenset({Capability.RECORDS, Capability.MANAGER}),
    build=ManagerLock,
    reasons={"": "one buyer at a time holds the lock"},
    parts={"": ("a lock in the manager's process", "two messages for each purchase")},
)
