"""Delay bounding: a round of turns without preemption, from which at most N random steps depart.

Emmi, Qadeer and Rakamaric, "Delay-bounded scheduling" (POPL 2011). Undisturbed, the participant that moved last goes on
until it has to wait, sleeps or is done; then the next one in the order of their numbers does, after the last the first.
A *delay* passes over whoever would move, for this step, and the next one moves. Most races need one or two delays,
however many participants there are: a delay chooses where to switch, and the round of turns says to whom.

In an execution of k steps, each schedule with at most N delays is run with odds of at least 1 / (k + 1)**N, and no
other schedule is run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from random import Random

from ticketlab.core.text import pluralize
from ticketlab.explorer.engine.policy_columns import Number, PerStep
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.policy import Policy, PolicyKind, Promise


class DelayBounded(Policy):
    """Executions without end, each with at most so many delays.

    Each delay is drawn evenly from the k steps of an execution and, so that there may be fewer, from one place beyond.
    A step may have several. As k stands the length of the longest execution so far; the first execution has no delays.
    """

    delayed = PerStep()  # the steps that have a delay, ascending
    delays = Number()  # how many they are

    def __init__(self, most: int, seed: int) -> None:
        self._most = most
        self._random = Random(seed)
        self._longest = 0
        self._kept_promise = 0  # executions that were drawn knowing the greatest length, which no later one exceeded
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Draw the delays."""
        if self._begun:
            exceeded = state.counters.length > self._longest
            self._longest = max(self._longest, state.counters.length)
            self._kept_promise = 0 if exceeded else self._kept_promise + 1
        self._begun = True
        places = sorted(self._random.randint(0, self._longest) for _ in range(self._most))
        delayed = [place for place in places if place < self._longest][: len(self.delayed)]
        for number, place in enumerate(delayed):
            self.delayed[number] = place
        self.delays[0] = len(delayed)
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick whose turn it is, after passing over one participant for each delay of this step."""
        place = state.counters.length
        turn = 0
        if place:
            last = state.who[place - 1]
            sleeps = state.slept[last] == place + 1
            turn = bisect_left(enabled, last + sleeps) % len(enabled)
        passed = sum(self.delayed[number] == place for number in range(self.delays[0]))
        return int(enabled[(turn + passed) % len(enabled)])

    def promise(self) -> Promise:
        """Return the odds with which the executions so far would have run a given schedule within the bound."""
        miss, count = 1 - 1 / (self._longest + 1) ** self._most, self._kept_promise
        what = f"what a given schedule with at most {pluralize(self._most, 'delay')} shows"
        return Promise(what, 1 - miss**count, count, f"delay:{self._most}", self._longest)


KIND = PolicyKind(
    name="delay",
    summary="in turns without preemption, from which at most so many random steps depart",
    number="most delays in an execution",
    build=lambda variant, seed: DelayBounded(int(variant), seed),
)
