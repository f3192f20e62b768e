"""How far a search has come: what it has seen of all that there is, as far as this can be told without the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final

from ticketlab.core.text import join_words, pluralize
from ticketlab.explorer.analysis.class_estimate import MOST_CLASSES, ClassEstimate
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.pair_coverage import PairCoverage
from ticketlab.explorer.policies.policy import Policy, Promise

_ESTIMATED_FIRST: Final = 1_000
"""After so many executions the classes are estimated, and then whenever there are twice as many."""


@dataclass(frozen=True, slots=True)
class HowFar:
    """What is known of a search that may not have come to its end.

    `policy` is the one that searched; if that is several in turn, `by` says how many executions each of them drew.
    `redundant` executions repeated others up to the order of steps that commute, or would have, and are not counted.
    `classes` is an estimate of how many executions differ in the order of steps that do not commute; None if it is
    known, since the search is exhausted, or cannot be told. `promise` is what sampling promises to have found. `pairs`
    counts the pairs of steps that do not commute, and `both_orders` those of them that were seen in both orders, which
    not all can be.
    """

    policy: str = ""
    by: Mapping[str, int] = field(default_factory=dict)
    redundant: int = 0
    classes: float | None = None
    promise: Promise | None = None
    pairs: int = 0
    both_orders: int = 0

    def plus(self, other: HowFar) -> HowFar:
        """Return what is known of two parts of a search together: how many executions there were, and by whom."""
        by = Counter(self.by) + Counter(other.by)
        return HowFar(policy=other.policy, by=by, redundant=self.redundant + other.redundant)

    @property
    def drawn_by(self) -> str:
        """The policies that drew the executions, with their shares if they are several."""
        if len(self.by) < 2:
            return self.policy
        return join_words([f"{policy} {count:,}" for policy, count in self.by.items()])

    @property
    def sentences(self) -> list[str]:
        """All of it in sentences, without a full stop."""
        told = []
        if self.classes is not None:
            orders = (
                "order of the steps that matter is"
                if round(self.classes) == 1
                else "orders of the steps that matter are"
            )
            told.append(f"{about(self.classes)} {orders} estimated in all")
        if self.pairs:
            told.append(f"{self.both_orders:,} of {pluralize(self.pairs, 'pair')} of racing steps came in both orders")
        if self.promise is not None:
            told.append(str(self.promise))
        if self.redundant:
            told.append(f"{pluralize(self.redundant, 'more execution')} repeated others")
        return told

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in results."""
        promise = self.promise
        return {
            "policy": self.policy,
            "by": dict(self.by),
            "redundant": self.redundant,
            "classes": self.classes,
            "promise": promise.to_json() if promise else None,
            "pairs": self.pairs,
            "both_orders": self.both_orders,
            "sentences": self.sentences,
        }


def about(classes: float) -> str:
    """Return an estimate in words, to two digits."""
    if classes >= MOST_CLASSES:
        return "more than 10^15"
    digits = max(0, len(f"{classes:.0f}") - 2)
    return f"about {round(classes, -digits):,.0f}"


class Survey:
    """Sees the executions of a search, and says how far it has come.

    If it is `in_part` that it sees them, since others search as well, only who drew how many is counted.
    """

    def __init__(self, policy: str, *, in_part: bool = False) -> None:
        self._policy = policy
        self._in_part = in_part
        self._by: Counter[str] = Counter()
        self._pairs = PairCoverage()
        self._estimate = ClassEstimate()
        self._searched: Policy | None = None
        self._injected = False  # whether a fault was injected into one of its executions
        self._redundant = 0
        self._promises: list[Promise] = []  # of the policies before
        self._seen = 0
        self._longest = 0
        self.classes: float | None = None
        """How many classes there were estimated to be when the estimate was made last."""
        self.last_by = ""
        """The policy that drew the last execution."""

    def see(self, execution: Execution, policy: Policy, named: str = "") -> None:
        """Take in an execution that a policy drew, which is `named` so unless it is the one that the search is by."""
        if policy is not self._searched:
            self._close()
            self._searched, self._injected = policy, False
        self.last_by = policy.by or named or self._policy
        self._by[self.last_by] += 1
        self._injected |= bool(execution.injected)
        if execution.injected or self._in_part:
            return
        self._longest = max(self._longest, len(execution.trace))
        self._pairs.see(execution.trace)
        self._estimate.see(execution.trace)
        self._seen += 1
        doublings, rest = divmod(self._seen, _ESTIMATED_FIRST)
        if not rest and doublings & (doublings - 1) == 0:
            self.classes = self._estimate.classes()

    def _close(self) -> None:
        if self._searched is not None:
            self._redundant += self._searched.redundant
            self._promises = self._all_promises()

    def _all_promises(self) -> list[Promise]:
        """Return what each policy promises: with odds that hold without a fault, nothing if there was one."""
        last = self._searched.promise() if self._searched and not self._injected else None
        return [*self._promises, *([last] if last else [])]

    def _promise(self) -> Promise | None:
        """Return what the policies promise together; of those that had met shorter executions alone, nothing."""
        promises = self._all_promises()
        longest = max((self._longest, *(each.steps for each in promises)))
        kept = [each for each in promises if each.steps == longest]
        if not kept:
            return None
        missed = prod(1 - each.odds for each in kept)
        return kept[-1]._replace(odds=1 - missed, executions=sum(each.executions for each in kept))

    def how_far(self, *, estimated: bool) -> HowFar:
        """Return how far the search has come; the classes are estimated only if that is asked for."""
        searched = self._searched
        pairs, both = self._pairs.counts()
        return HowFar(
            policy=next(iter(self._by)) if len(self._by) == 1 else self._policy,
            by=dict(self._by),
            redundant=self._redundant + (searched.redundant if searched else 0),
            classes=self._estimate.classes() if estimated else None,
            promise=self._promise(),
            pairs=pairs,
            both_orders=both,
        )
