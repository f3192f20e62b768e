"""First come, first served: nobody is interrupted, so one long job delays everybody behind it."""

from __future__ import annotations

from ticketlab.explore.policies.queues import ReadyQueue
from ticketlab.explore.policy import PolicyKind

KIND = PolicyKind(
    name="fcfs",
    summary="first come, first served, without interruption",
    build=lambda _variant, _seed: ReadyQueue(),
    ends=True,
)
