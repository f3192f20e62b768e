"""Selectively uniform random walk: the steps on one contested resource come in every order with the same odds.

Zhao, Wolff, Mathur and Roychoudhury, "Selectively uniform concurrency testing" (ASPLOS 2025). What goes wrong mostly
hangs on the order of a few steps, those on one resource. So before each execution one of the contested resources is
drawn, and who makes the next step on it is drawn with odds in proportion to how many such steps everybody has left.
Everybody else who comes to such a step waits. Other steps are made by whoever can, evenly.

If everybody makes as many steps on the resource as were counted, and waits for nothing else, then every order of these
steps has the same odds, however many other steps there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ticketlab.explorer.engine.policy_columns import Number, PerParticipant
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import NONE
from ticketlab.explorer.policies.draws import draw
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.policies.urw import weighted

_NO_RESOURCE = -1


class SelectivelyUniformWalk(RandomWalk):
    """Executions without end; a resource is contested if one participant changed what another one accessed.

    While no resource is known to be contested, as in the first execution, this is a random walk.
    """

    resource = Number()  # the one that was drawn for the execution
    left = PerParticipant()  # steps on it
    intended = Number()  # who makes the next step on it
    seen = Number()  # how many steps of the execution have been looked at
    drawn = Number()  # how many numbers have been drawn in the execution

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._most: dict[int, Counter[int]] = {}  # by resource: the most steps on it of each participant
        self._changers: dict[int, set[int]] = {}  # by resource: who has changed it

    def begin(self, state: ExecutionState) -> bool:
        """Draw the resource of the next execution."""
        if self._executions:
            self._count(state)
        super().begin(state)
        contested = [one for one, most in self._most.items() if len(most) > 1 and self._changers.get(one)]
        self.resource[0] = contested[draw(self.seed[0], -1) * len(contested) >> 32] if contested else _NO_RESOURCE
        most = self._most.get(self.resource[0], Counter())
        for who in range(state.size):
            self.left[who] = most[who]
        self.intended[0] = NOBODY
        self.seen[0] = self.drawn[0] = 0
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick evenly who makes another step, or the one that is intended to make a step on the resource."""
        resource, symbols, pending = self.resource[0], state.table.symbols, state.pending
        for node in range(self.seen[0], state.counters.length):
            if resource in symbols[state.what[node]].resources:
                self.left[state.who[node]] -= 1
                self.intended[0] = NOBODY
        self.seen[0] = state.counters.length
        if self.intended[0] == NOBODY:
            able = [who for who in range(state.counters.present) if self.left[who] > 0 and pending[who] != NONE]
            self._intend(able)
        intended = self.intended[0]
        free = [who for who in enabled if who == intended or resource not in symbols[pending[who]].resources]
        if free:
            return free[self._number() * len(free) >> 32]
        self._intend(enabled)  # whoever was intended waits for something, or will not come
        return int(self.intended[0])

    def _intend(self, able: Sequence[int]) -> None:
        """Draw who makes the next step on the resource, if anybody can."""
        if able:
            self.intended[0] = able[weighted([max(1, self.left[who]) for who in able], self._number())]

    def _number(self) -> int:
        self.drawn[0] = drawn = self.drawn[0] + 1
        return draw(self.seed[0], drawn)

    def _count(self, state: ExecutionState) -> None:
        """Count who accessed which resource in the last execution, and how often."""
        symbols, length = state.table.symbols, state.counters.length
        counts: dict[int, Counter[int]] = {}
        for who, what in zip(state.who[:length], state.what[:length], strict=True):
            symbol = symbols[what]
            for resource in symbol.resources:
                counts.setdefault(resource, Counter())[who] += 1
            for resource in symbol.changed():
                self._changers.setdefault(resource, set()).add(who)
        for resource, count in counts.items():
            self._most[resource] = self._most.get(resource, Counter()) | count


KIND = PolicyKind(
    name="surw",
    summary="every order of the steps on one contested resource is equally likely, which is drawn for each execution",
    build=lambda _variant, seed: SelectivelyUniformWalk(seed),
)
