"""First come, first served: no participant is interrupted, so one long job delays all jobs behind it."""

from __future__ import annotations

from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.queues import ReadyQueue

KIND = PolicyKind(
    name="fcfs",
    summary="first come, first served, without interruption",
    build=lambda _variant, _seed: ReadyQueue(),
    ends=True,
)
