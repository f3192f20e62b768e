"""Probabilistic concurrency testing: random priorities, lowered at a few random steps.

Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding bugs"
(ASPLOS 2010). The depth of a bug is the number of ordering constraints between steps that it needs; a lost update has
depth 2. In an execution of k steps by n participants, a bug of depth d is found with odds of at least
1 / (n k**(d - 1)).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ticketlab.core.errors import UsageError
from ticketlab.explorer.engine.policy_columns import Number, PerParticipant, PerStep
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.policy import Policy, PolicyKind, Promise


class PriorityChanges(Policy):
    """Executions without end; priorities and change points are drawn anew for each of them.

    Each participant gets a priority at random, and of those that can move the one with the highest moves. At each of d
    - 1 change points, drawn evenly from the k steps of an execution, the participant that is about to move falls behind
    all others. As k stands the length of the longest execution so far; the first execution has no change points.
    """

    priorities = PerParticipant()
    change_points = PerStep()  # the steps at which a priority falls, ascending
    changes = Number()  # how many they are
    passed = Number()  # how many of them have been passed
    next_change = Number()  # the next of them, or a length that no execution comes to
    highest = Number()  # who was found to have the highest priority
    as_of = Number()  # the version of the enabled set in which it was found

    def __init__(self, depth: int, seed: int, length: int = 0) -> None:
        if depth < 1:
            raise UsageError(f"a bug has a depth of at least 1, not {depth}: write pct:3")
        self._depth = depth
        self._random = Random(seed)
        self._longest = length
        self._present = 0  # the most participants so far
        self._kept_promise = 0  # executions that were drawn knowing the greatest length, which no later one exceeded
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Draw priorities and change points."""
        if self._begun:
            present, length = state.counters.present, state.counters.length
            exceeded = length > self._longest or present > self._present
            self._longest, self._present = max(self._longest, length), max(self._present, present)
            self._kept_promise = 0 if exceeded else self._kept_promise + 1
        self._begun = True
        wanted = min(self._depth - 1, self._longest)
        changes = sorted(self._random.sample(range(self._longest), wanted)) if wanted else []
        for place, change in enumerate(changes):
            self.change_points[place] = change
        self.changes[0], self.passed[0], self.as_of[0] = len(changes), 0, -1
        self.next_change[0] = changes[0] if changes else state.bound + 1
        ranks = list(range(self._depth, self._depth + state.size))
        self._random.shuffle(ranks)
        for who, rank in enumerate(ranks):
            self.priorities[who] = rank
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick the participant of highest priority, after lowering it at a change point."""
        counters, version = state.counters, state.counters.version
        if self.as_of[0] == version:
            highest: int = self.highest[0]
        else:
            highest = max(enabled, key=self.priorities.__getitem__)
        while counters.length >= self.next_change[0]:
            self._lower(highest, state.bound)
            highest = max(enabled, key=self.priorities.__getitem__)
        self.highest[0], self.as_of[0] = highest, version
        return highest

    def promise(self) -> Promise:
        """Return the odds with which the executions so far would have found a bug of the depth that is looked for."""
        miss = 1 - 1 / (max(1, self._present) * max(1, self._longest) ** (self._depth - 1))
        count = self._kept_promise
        what = f"a bug of depth {self._depth}"
        return Promise(what, 1 - miss**count, count, f"pct:{self._depth}", self._longest)

    def _lower(self, who: int, bound: int) -> None:
        """Lower a priority: at the first change point below all initial ones, at each further one below the last."""
        passed = self.passed[0]
        self.priorities[who] = self._depth - 1 - passed
        self.passed[0] = passed = passed + 1
        self.next_change[0] = self.change_points[passed] if passed < self.changes[0] else bound + 1


KIND = PolicyKind(
    name="pct",
    summary="random priorities, lowered at random steps: finds a bug of depth d with known odds",
    number="depth of the bugs looked for",
    build=lambda variant, seed: PriorityChanges(int(variant), seed),
)
