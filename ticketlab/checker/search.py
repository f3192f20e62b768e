"""Any model: depth-first search for an order of the operations, with memoised configurations.

Wing and Gong (1993): repeatedly choose, among the operations that were invoked before every other pending operation
returned, one that the model allows next; go back where none is left. Lowe (2017): never try again a configuration (the
set of operations chosen, and the state they led to) that was tried in vain. Four rules cut the search without changing
its answer:

1. A read that may come next, and leaves the state as it is, comes at once: in any solution it can be moved to the
   front, for no other call needs it. (Writing 0 over 0 cannot be moved: it may be needed later.)
2. Of equal calls that may come next, the one that returns first comes first; in any solution the two can be
   swapped, as in `frontier`. Those that never returned come last.
3. An unknown operation, which may never take effect, is not chosen where it leaves the state as it is.
4. A configuration is not tried where the same known operations and the same state were tried in vain with fewer unknown
   ones used up: what is left unused cannot hurt.

Operations of different partitions are judged apart, which is sound because linearizability is local (Herlihy and Wing
1990), and each history splits into independent searches.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ticketlab.checker.budget import Meter
from ticketlab.checker.columns import FAILED, OPEN, UNKNOWN, Call, Columns, MalformedHistory
from ticketlab.checker.explain import Contradiction, ExplanationBudget, Phrasing, minimal_subset

if TYPE_CHECKING:
    from ticketlab.checker.model import Model


_MANY = 16
"""How many operations may be looked at in the time that a configuration usually takes."""


class CallInterval(NamedTuple):
    """One operation of a partition; `back` is `OPEN` if it may never have taken effect.

    `lapse` says that nobody made this call: it is what time did after the call of the same row, and never before it.
    """

    row: int
    call: Call
    invoke: int
    back: int
    lapse: bool = False


def judge(model: Model, columns: Columns, meter: Meter) -> Iterator[Contradiction]:
    """Yield a contradiction for each partition that has one.

    Raises:
        BudgetSpent: the meter ran out before a partition was decided.
    """
    words = Phrasing(columns, "process")
    for operations in _partitions(model, columns):
        if not linearizable(model, operations, meter):
            yield _explain(model, operations, words, meter)


def _partitions(model: Model, columns: Columns) -> list[list[CallInterval]]:
    calls, invoke, back = columns.calls, columns.invoke, columns.back
    keys = [model.partition(call) for call in columns.calls]
    lapses = [model.lapse(call) if model.lapse else None for call in columns.calls]
    lapsing: dict[Call, int] = {}
    parts: dict[Hashable, list[CallInterval]] = {}
    for row, code in enumerate(columns.what):
        call = calls[code]
        if call.result != FAILED:
            end = OPEN if call.result == UNKNOWN else back[row]
            part = parts.setdefault(keys[code], [])
            if model.made_by:
                call = model.made_by(call, columns.process_name(row))
            part.append(CallInterval(row, call, invoke[row], end))
            if following := lapses[code]:
                least, most, lapse = following
                if end != OPEN and lapsing.setdefault(lapse, row) != row:
                    where = columns.place(row)
                    raise MalformedHistory(f"{where}: the name {call.result!r} of a {call.op} stands twice")
                # No operation begins later than `LATEST_TIME`, so none can tell later times apart.
                over = OPEN if end == OPEN else min(end + most, OPEN - 1)
                part.append(CallInterval(row, lapse, min(invoke[row] + least, OPEN - 1), over, lapse=True))
    return list(parts.values())


def linearizable(model: Model, operations: Sequence[CallInterval], meter: Meter) -> bool:
    """Whether some order explains the operations of one partition.

    Raises:
        BudgetSpent: the meter ran out.
    """
    return _Search(model, operations, meter).succeeds()


class _Search:
    """A depth-first search over configurations.

    Operations that must take effect (`known`) and operations that may (`maybe`) are numbered apart, each by invocation;
    a configuration has a mask of bits for each.
    """

    def __init__(self, model: Model, operations: Sequence[CallInterval], meter: Meter) -> None:
        self.step = model.step
        self.init = model.init
        self.reads = model.reads
        self.meter = meter
        self.known = sorted((o for o in operations if o.back != OPEN), key=lambda o: (o.invoke, o.back))
        self.maybe = sorted((o for o in operations if o.back == OPEN), key=lambda o: o.invoke)
        self.all = (1 << len(self.known)) - 1
        self.wide = len(self.maybe) > _MANY
        self.known_before = _led_to_by(self.known)
        self.maybe_before = _led_to_by(self.maybe)
        self.tried: dict[tuple[int, Any], list[int]] = {}
        self.path: list[
            tuple[int, int, int]
        ] = []  # to where the search is: `known` and `maybe`, `known` with free reads

    def succeeds(self) -> bool:
        stack, path = [iter([(0, 0, self.init)])], self.path
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
                del path[-1:]
                continue
            known, maybe, state = self._take_free(*entry)
            if known == self.all:
                path.append((entry[0], maybe, known))
                return True
            if self._is_new(known, maybe, state):
                self.meter.spend()
                stack.append(self._following(known, maybe, state))
                path.append((entry[0], maybe, known))
        return False

    def order(self) -> list[list[CallInterval]]:
        """Return the order that was found: first free reads alone, then each operation with the free reads after it."""
        found, known, maybe = [], 0, 0
        for chosen, maybe_chosen, after in self.path:
            group = [*_at(self.known, chosen ^ known), *_at(self.maybe, maybe_chosen ^ maybe)]
            found.append([*group, *_at(self.known, after ^ chosen)])
            known, maybe = after, maybe_chosen
        return found

    def _is_new(self, known: int, maybe: int, state: Any) -> bool:
        key = known, state
        used = self.tried.get(key)
        if used is None:
            self.tried[key] = [maybe]
            return True
        if len(used) > _MANY:
            self.meter.work(len(used) // _MANY)
        if any(other & maybe == other for other in used):
            return False
        used[:] = [other for other in used if other & maybe != maybe]
        used.append(maybe)
        return True

    def _pending(self, known: int) -> tuple[list[tuple[int, CallInterval]], int]:
        """Return the known operations that may come next, and the latest invocation of others that may."""
        first = (~known & (known + 1)).bit_length() - 1
        found: list[tuple[int, CallInterval]] = []
        limit = OPEN
        for index in range(first, len(self.known)):
            operation = self.known[index]
            if operation.invoke > limit:
                break
            if not known >> index & 1:
                found.append((index, operation))
                limit = min(limit, operation.back)
        return [(index, o) for index, o in found if o.invoke <= limit], limit

    def _take_free(self, known: int, maybe: int, state: Any) -> tuple[int, int, Any]:
        """Let all reads take effect that may come next (rule 1)."""
        while known != self.all:
            for _ in range(_MANY):
                free = 0
                for index, operation in self._pending(known)[0]:
                    if self.reads(operation.call) and state in tuple(self.step(state, operation.call)):
                        free |= 1 << index
                known |= free
                if not free or known == self.all:
                    return known, maybe, state
            self.meter.work(_MANY)
        return known, maybe, state

    def _following(self, known: int, maybe: int, state: Any) -> Iterator[tuple[int, int, Any]]:
        """Yield the configurations one operation on, those of known operations first (rules 2 and 3)."""
        pending, limit = self._pending(known)
        pending.sort(key=lambda entry: entry[1].back)
        calls: set[Call] = set()
        before = self.known_before
        if self.wide or len(pending) > _MANY:
            self.meter.work((len(pending) + len(self.maybe)) // _MANY)
        for index, operation in pending:
            if operation.call not in calls and not (before and operation.lapse and not before[index] & known):
                calls.add(operation.call)
                for after in self.step(state, operation.call):
                    yield known | 1 << index, maybe, after
        calls.clear()
        for index, operation in enumerate(self.maybe):
            if operation.invoke > limit:
                break
            if maybe >> index & 1 or operation.call in calls:
                continue
            if not operation.lapse or self.maybe_before[index] & maybe:
                calls.add(operation.call)
                for after in self.step(state, operation.call):
                    if after != state:
                        yield known, maybe | 1 << index, after


def _at(operations: Sequence[CallInterval], bits: int) -> list[CallInterval]:
    return [o for index, o in enumerate(operations) if bits >> index & 1]


def _led_to_by(operations: Sequence[CallInterval]) -> dict[int, int]:
    """Return for each lapse, by its index, the bit of the operation that led to it."""
    lapses = [(index, o.row) for index, o in enumerate(operations) if o.lapse]
    bits = {o.row: 1 << index for index, o in enumerate(operations) if not o.lapse} if lapses else {}
    return {index: bits[row] for index, row in lapses}


def _explain(model: Model, operations: Sequence[CallInterval], words: Phrasing, meter: Meter) -> Contradiction:
    """Return a set that contradicts itself: a minimal one, unless that takes too long."""
    # A lapse has the row of the hold that led to it, and is in the set exactly if the hold is.
    known = sorted({o.row for o in operations if o.back != OPEN}, key=lambda row: words.columns.back[row])

    explanation_budget = ExplanationBudget(meter, each=300, total=5_000)

    def contradicts(firm: frozenset[int]) -> bool:
        relaxed = [o if o.row in firm else o._replace(back=OPEN) for o in operations]
        return explanation_budget.contradicts(len(relaxed), lambda part: linearizable(model, relaxed, part))

    def unexplained(firm: frozenset[int]) -> bool:
        relaxed = [o if o.row in firm else o._replace(back=OPEN) for o in operations]
        return explanation_budget.contradicts(len(relaxed), lambda part: _possible(model, relaxed, part))

    low, high = 0, len(known)  # the first `high` to return contradict each other; the first `low` do not, or not surely
    while high - low > 1:
        middle = (low + high) // 2
        if contradicts(frozenset(known[:middle])):
            high = middle
        else:
            low = middle
    latest, reach = known[:high][::-1], 1
    while reach < high and not contradicts(frozenset(latest[:reach])):
        reach *= 2
    explanation_budget.certain = True
    rows = minimal_subset(latest[:reach], contradicts)
    rows.sort(key=lambda row: words.columns.invoke[row])
    minimal = not model.possible or not any(unexplained(frozenset(rows) - {row}) for row in rows)
    calls = words.columns.calls
    name = model.classify((calls[words.columns.what[row]] for row in rows), calls)
    return Contradiction(
        name, _sentence(model, words, rows), rows, operations[0].call.section, minimal and explanation_budget.certain
    )


def _possible(model: Model, operations: Sequence[CallInterval], meter: Meter) -> bool:
    """Whether an order is found that is possible by all that the model says; False says only that none was found."""
    search = _Search(model, operations, meter)
    return search.succeeds() and (model.possible is None or model.possible(search.order()))


def _sentence(model: Model, words: Phrasing, rows: Sequence[int]) -> str:
    if model.lapse:
        return f"no order explains these, whatever the others did: {words.lines(rows)}"
    if len(rows) == 1:
        return f"from {model.init!r} nothing that had begun by then explains {words.lines(rows)}"
    return f"from {model.init!r} no order explains these, whatever the others did: {words.lines(rows)}"
