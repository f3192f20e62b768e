"""Feedback: executions are steered towards reads-from pairs, and sets of them, that were seldom seen so far.

After Wolff, Zhao, Duck, Mathur and Roychoudhury, "Greybox fuzzing for concurrency testing" (ASPLOS 2024). A *reads-from
pair* is a step and the one that had changed its resource last before it, by another participant or nobody yet. An
execution's *behaviour class* is the set of its pairs. An execution is asked for a few pairs, and draws the rest by
partial order sampling: the step of a pair waits until the change has been made on which it shall act, and then other
changes wait for the step. Asked for are the pairs of an earlier execution whose class was seen least often, with one of
them left out, replaced or added; of what can be added, pairs that were never seen come first.

What is asked for is never forced: if nobody else can move, whoever waits for a pair moves. So every partial order has
odds above 0, as without being steered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from ticketlab.explorer.engine.policy_columns import Number, PerParticipant, PerStep
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import Symbol
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.pos import PartialOrderSampling

MOST_PAIRS: Final = 4
"""So many pairs are asked for in one execution at most."""
_DRAWN: Final = 8
"""Of so many classes or pairs the best one is taken."""
_NOBODY_YET: Final = 0.25
"""The odds that a pair asks for a step before all changes."""
_FIELDS: Final = 6  # of a pair in the column of what is asked for
# How far a pair has come: the change is to come; it was the last one; the step was made, or cannot be as asked.
_AWAITED, _FRESH, _OVER = range(3)

OwnStep = tuple[int, int]  # a participant, and the number of its step
_START: Final[OwnStep] = NOBODY, 0


class ReadsFrom(NamedTuple):
    """A step, the one that had changed its resource last before it (`_START` if nobody had), and the resource."""

    reader: OwnStep
    writer: OwnStep
    resource: int


class ReadsFromFeedback(PartialOrderSampling):
    """Executions without end, each of which is asked for pairs that earlier ones suggest."""

    asked = PerStep()  # by pair: the two of the step, the two of the change, the resource, and how far it has come
    pairs = Number()  # how many they are
    made = PerParticipant()  # steps

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._random = Random(seed)
        self._classes: Counter[int] = Counter()  # how often each was seen, by its hash
        self._order: list[int] = []  # the same, in the order in which they were seen
        self._asked_for: dict[int, tuple[ReadsFrom, ...]] = {}  # what each was seen with first
        self._seen_pairs: set[ReadsFrom] = set()
        self._met: set[tuple[OwnStep, int, bool]] = set()  # who accessed which resource, and whether by changing it
        self._accesses: dict[int, list[OwnStep]] = {}  # by resource
        self._changes: dict[int, list[OwnStep]] = {}
        self._changed: list[int] = []  # the resources that anybody changed
        self._now: tuple[ReadsFrom, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Return what `choose` needs, which is nothing of what was learnt."""
        learnt = ("_random", "_classes", "_order", "_asked_for", "_seen_pairs", "_met", "_accesses", "_changes")
        return {name: value for name, value in super().__getstate__().items() if name not in learnt}

    def begin(self, state: ExecutionState) -> bool:
        """Take in the behaviour class of the last execution, and draw what the next one is asked for."""
        if self._executions and state.counters.length:
            self._learn(state)
        super().begin(state)
        self._now = self._ask()[: len(self.asked) // _FIELDS]
        for number, (reader, writer, resource) in enumerate(self._now):
            fields = *reader, *writer, resource, _FRESH if writer == _START else _AWAITED
            for field, value in enumerate(fields, number * _FIELDS):
                self.asked[field] = value
        self.pairs[0] = len(self._now)
        for who in range(state.size):
            self.made[who] = 0
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick by priority among those who need not wait for a pair."""
        if not self.pairs[0]:
            return super().choose(enabled, state)
        for node in range(self.seen[0], state.counters.length):
            self._follow(state.who[node], state.table.symbols[state.what[node]])
        symbols, pending = state.table.symbols, state.pending
        free = [who for who in enabled if not self._waits(who, symbols[pending[who]])]
        first = super().choose(enabled, state)  # this draws priorities
        return max(free, key=self.priorities.__getitem__) if free else first

    def _follow(self, who: int, symbol: Symbol) -> None:
        """Take down what a step means for the pairs that are asked for."""
        asked, event = self.asked, (who, self.made[who])
        self.made[who] += 1
        for at in range(0, self.pairs[0] * _FIELDS, _FIELDS):
            if asked[at + 5] == _OVER:
                continue
            if event == (asked[at], asked[at + 1]):
                asked[at + 5] = _OVER
            elif event == (asked[at + 2], asked[at + 3]):
                asked[at + 5] = _FRESH
            elif asked[at + 5] == _FRESH and asked[at + 4] in symbol.changed():
                asked[at + 5] = _OVER if asked[at + 2] == NOBODY else _AWAITED

    def _waits(self, who: int, pending: Symbol) -> bool:
        """Whether a pair that is asked for would be missed if this step came now."""
        asked, event = self.asked, (who, self.made[who])
        for at in range(0, self.pairs[0] * _FIELDS, _FIELDS):
            stage, is_reader = asked[at + 5], event == (asked[at], asked[at + 1])
            if stage == _AWAITED and is_reader and asked[at + 4] in pending.resources:
                return True
            if stage == _FRESH and not is_reader and asked[at + 4] in pending.changed():
                return True
        return False

    def _ask(self) -> tuple[ReadsFrom, ...]:
        """Draw what is asked for, from what led to a class that was seldom seen."""
        random = self._random
        some = random.sample(self._order, min(_DRAWN, len(self._order)))
        asked = list(self._asked_for[min(some, key=self._classes.__getitem__)]) if some else []
        if asked and random.random() < 1 / 3:
            asked.remove(random.choice(asked))
        pair = self._draw_pair()
        if pair is not None:
            others = [each for each in asked if each.reader != pair.reader]
            asked = [*others[-MOST_PAIRS + 1 :], pair]
        return tuple(asked)

    def _draw_pair(self) -> ReadsFrom | None:
        """Draw a pair that there may be, rather one that was never seen."""
        pair, random = None, self._random
        for _ in range(_DRAWN if self._changed else 0):
            resource = random.choice(self._changed)
            reader, writer = random.choice(self._accesses[resource]), random.choice(self._changes[resource])
            if writer[0] != reader[0]:  # where nobody else changes the resource, there is nothing to ask for
                pair = ReadsFrom(reader, _START if random.random() < _NOBODY_YET else writer, resource)
                if pair not in self._seen_pairs:
                    break
        return pair

    def _learn(self, state: ExecutionState) -> None:
        """Take in the pairs of an execution."""
        pairs = frozenset(self._pairs(state))
        found = hash(pairs)
        if found not in self._classes:
            self._order.append(found)
            self._asked_for[found] = self._now
            self._seen_pairs |= pairs
        self._classes[found] += 1

    def _pairs(self, state: ExecutionState) -> Iterator[ReadsFrom]:
        """Yield the pairs of an execution, and take down who accessed and who changed which resource."""
        symbols, last, made = state.table.symbols, dict[int, OwnStep](), Counter[int]()
        for node in range(state.counters.length):
            who, symbol = state.who[node], symbols[state.what[node]]
            event, changed = (who, made[who]), symbol.changed()
            made[who] += 1
            for resource in symbol.resources:
                self._meet(event, resource, changes=resource in changed)
                writer = last.get(resource, _START)
                if writer[0] != who:
                    yield ReadsFrom(event, writer, resource)
            last.update(dict.fromkeys(changed, event))

    def _meet(self, event: OwnStep, resource: int, *, changes: bool) -> None:
        if (event, resource, changes) not in self._met:
            self._met.add((event, resource, changes))
            self._accesses.setdefault(resource, []).append(event)
            if changes:
                if resource not in self._changes:
                    self._changed.append(resource)
                self._changes.setdefault(resource, []).append(event)


KIND = PolicyKind(
    name="feedback",
    summary="by random priorities, asked for reads-from pairs that were seldom seen so far",
    build=lambda _variant, seed: ReadsFromFeedback(seed),
)
