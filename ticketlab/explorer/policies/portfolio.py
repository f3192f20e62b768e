"""Portfolio: a search that may end goes on to its end, and one that will not is given to several sampling policies.

The search begins with `dpor`. Now and then it is estimated how many there are in all (see `class_estimate`). If these
are many more than anybody runs, then of every few executions `dpor` makes one, and policies that sample make the others
in turn: what is far from where `dpor` began, they find sooner. If `dpor` comes to its end all the same, every schedule
is covered.

The policies are those that found most in `scripts/benchmarks/bench_policies.py`, and `pct:2`, which promises something.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ticketlab.explorer.analysis.class_estimate import ClassEstimate
from ticketlab.explorer.analysis.trace import Trace
from ticketlab.explorer.engine.policy_columns import Number
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.feedback import ReadsFromFeedback
from ticketlab.explorer.policies.pct import PriorityChanges
from ticketlab.explorer.policies.policy import Policy, PolicyKind, Promise
from ticketlab.explorer.policies.pos import PartialOrderSampling
from ticketlab.explorer.policies.surw import SelectivelyUniformWalk

FIRST_ESTIMATE: Final = 25
"""After so many executions of dpor it is estimated for the first time how many there are."""
BETWEEN_ESTIMATES: Final = 4
"""It is estimated anew whenever there are so many times as many."""
ROUGHLY: Final = 20
"""So many nodes on a level are enough for an estimate by which nothing hangs on a factor of 2."""
FEW: Final = 10_000
"""So many executions are few enough for dpor alone."""
HOPELESS: Final = 2
"""A search is taken not to end if it is estimated to need so many times what it may."""
_EXACT: Final = 0  # the place of dpor among the parts


class Portfolio(Policy):
    """Executions of dpor, until these are done; if they are too many, those of other policies between them.

    `within` is how many executions are few enough for dpor alone.
    """

    proves = True

    turn = Number()  # whose execution it is, as a place among the parts

    def __init__(self, seed: int, within: int = FEW) -> None:
        self._exact = SourceSets()
        samplers: dict[str, Policy] = {
            "pos": PartialOrderSampling(seed),
            "surw": SelectivelyUniformWalk(seed),
            "feedback": ReadsFromFeedback(seed),
            "pct:2": PriorityChanges(2, seed),
        }
        self.names = ["dpor", *samplers]
        self.parts: Sequence[Policy] = [self._exact, *samplers.values()]
        self.by = self.names[_EXACT]
        self._within = within
        self._estimate = ClassEstimate()
        self._hopeless = False
        self._exact_executions = 0
        self._executions = 0
        self._longest = 0
        self._next_look = FIRST_ESTIMATE

    def __getstate__(self) -> dict[str, Any]:
        """Return what `choose` needs, which is nothing of what was learnt."""
        return {**super().__getstate__(), "_estimate": None}

    def begin(self, state: ExecutionState) -> bool:
        """Take in the last execution if it was one of dpor, and have the next part lay out its own."""
        if self._executions:
            self._longest = max(self._longest, state.counters.length)
        if self.by == self.names[_EXACT]:
            if self._exact_executions:
                self._look_ahead(state)
            if not self._exact.take_in(state):
                return False
        turn = self._executions % len(self.parts) if self._hopeless else _EXACT
        self._executions += 1
        self.turn[0], self.by = turn, self.names[turn]
        if turn != _EXACT:
            self.repeated = 0
            return self.parts[turn].begin(state)
        self._exact_executions += 1
        self._exact.lay_out(state)
        self.repeated = self._exact.repeated
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let the policy choose whose execution it is."""
        turn: int = self.turn[0]
        return self.parts[turn].choose(enabled, state)

    def promise(self) -> Promise | None:
        """Return what one of the sampling policies promises, unless others had executions that are too long for it."""
        promises = (part.promise() for part in self.parts)
        kept = (one for one in promises if one and one.executions and one.steps >= self._longest)
        return next(kept, None)

    def _look_ahead(self, state: ExecutionState) -> None:
        """See the last execution, and now and then estimate whether dpor will come to its end."""
        self._estimate.see(Trace.of(state))
        if self._exact_executions == self._next_look:
            self._next_look *= BETWEEN_ESTIMATES
            classes = self._estimate.classes(widest=ROUGHLY)
            too_many = classes is None or classes > HOPELESS * self._within
            self._hopeless = too_many and self._estimate.applies


KIND = PolicyKind(
    name="portfolio",
    summary="dpor and, if it will not come to its end, pos, surw, feedback and pct:2 in turn with it",
    build=lambda _variant, seed: Portfolio(seed),
    ends=True,
    exhausts=True,
)
