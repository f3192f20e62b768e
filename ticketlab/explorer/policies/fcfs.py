"""First come, first served: no participant is interrupted, so one long job delays all jobs behind it."""

from __future__ import annotations

from ticketlab.explorer.policies.queues import queue_policy
from ticketlab.scheduling.policies import FCFS

KIND = queue_policy(FCFS)
