"""Multi-level feedback queue: a job that uses up its quantum falls a level, to longer quanta and lower priority.

After Corbató, Merwin Daggett and Daley, "An experimental time-sharing system" (1962). Short jobs are served soon,
though the scheduler is not told which jobs are short. From time to time all jobs go back to the top, or a long one
could starve.
"""

from __future__ import annotations

from ticketlab.explorer.policies.queues import queue_policy
from ticketlab.scheduling.policies import FEEDBACK

KIND = queue_policy(FEEDBACK)
