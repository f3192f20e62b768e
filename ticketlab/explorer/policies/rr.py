"""Round robin: the participants take turns of a quantum of steps each; a shorter quantum means more switches."""

from __future__ import annotations

from ticketlab.explorer.policies.queues import queue_policy
from ticketlab.scheduling.policies import ROUND_ROBIN

KIND = queue_policy(ROUND_ROBIN)
