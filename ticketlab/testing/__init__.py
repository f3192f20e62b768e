"""The kit for people's own stores, strategies and functions: what a stranger runs against their own code."""

from ticketlab.testing.conformance import check_store, check_strategy
from ticketlab.testing.functions import FunctionRace, check_function, replay_function
from ticketlab.testing.locks import guarded

__all__ = ["FunctionRace", "check_function", "check_store", "check_strategy", "guarded", "replay_function"]
