"""Models that come with the lab: what well-known structures do, one call after another.

Each is a plain class, to be the `model` of a `ConcurrentMachine` whose rules have the names of its methods; a machine
needs rules only for the methods that it has. `ticketlab check` judges histories by the same classes.
"""

from ticketlab.checker.structures import (
    CounterModel,
    DictModel,
    JobQueueModel,
    LockModel,
    LogModel,
    QueueModel,
    RateLimiterModel,
    SemaphoreModel,
    SetModel,
    StackModel,
)

__all__ = [
    "CounterModel",
    "DictModel",
    "JobQueueModel",
    "LockModel",
    "LogModel",
    "QueueModel",
    "RateLimiterModel",
    "SemaphoreModel",
    "SetModel",
    "StackModel",
]
