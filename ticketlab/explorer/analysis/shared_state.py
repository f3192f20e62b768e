"""What participants share after each step of an execution, as far as its steps and its notes tell.

Nothing is guessed. A resource holds a number if its last change said so, or if it was read and nobody has changed it
yet; a later read proves nothing, since it may show an older state, as in a transaction. A change in pieces says so only
if no other change came between them. A change in a transaction comes with the commit. A lock is held by who took it and
has not given it back, by the rule of `deadlock`. A participant waits if it stands before a step that is known to fail,
or wants a lock that excludes others and is held.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ticketlab.core.faults import FaultKind
from ticketlab.core.pacing import ACCESS_FAILED, NO_SPACE, RETRY, UNCHANGED
from ticketlab.core.steps import TABLE, Action, Step
from ticketlab.explorer.analysis.deadlock import ended, take_or_give
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.steps import NONE, Symbol

NEVER: Final = -1
UNSURE: Final = -2
_LEFT_AS_IT_WAS: Final = frozenset({UNCHANGED, "stale", "refused"})
_REFUSED: Final = _LEFT_AS_IT_WAS | {RETRY, ACCESS_FAILED, NO_SPACE, "fault"}
_ENDING: Final = frozenset({FaultKind.KILL.value, FaultKind.TERMINATE.value, FaultKind.KILL_SERVICE.value})
_HARMLESS: Final = frozenset({FaultKind.KILL.value, FaultKind.TERMINATE.value, FaultKind.PAUSE.value})
_NO_CONTENT: Final = frozenset({
    Action.START, Action.EXIT, Action.CALL, Action.SIGNAL, Action.GO_ON, Action.FLUSH, Action.NOTIFY, Action.ARRIVE,
    Action.LEAVE, Action.CLOSE, Action.FAULT, Action.TIME_PASSES, Action.ADVANCE, Action.GET_INTO, Action.GET_OUT_OF,
})  # fmt: skip


class Content(NamedTuple):
    """What a resource holds: a number if that is known; `changed` is the step that changed it last, NEVER or UNSURE."""

    value: int | None
    changed: int = NEVER


class Recollection(NamedTuple):
    """What a participant has read last, or has written itself since; `old_since` is the step that made it old."""

    resource: str
    value: int | None
    node: int
    wrote: bool = False
    old_since: int = NEVER


@dataclass(frozen=True, slots=True)
class SharedState:
    """What is shared just after a step, and what each participant remembers.

    `holders` has who took each lock and has not given it back, and `lost` who was killed. `acts_on` is the read that
    was old already as the step wrote to what had been read; None if the step does no such thing.
    """

    contents: Mapping[str, Content]
    holders: Mapping[str, tuple[int, ...]]
    waits: Mapping[int, Step]
    recollections: Mapping[int, Recollection]
    lost: Mapping[int, str]
    acts_on: Recollection | None = None


def shared_states(execution: Execution, wanted: Collection[int], *, one_record: bool) -> Iterator[SharedState]:
    """Yield what is shared after each of the wanted steps, in order.

    `one_record` says that whatever number is noted is that of one record, which all share, in the step's resource.
    """
    replay, trace = _Replay(execution, one_record), execution.trace
    last = max(wanted, default=NEVER)
    standing = {node: list(pending) for node, pending in trace.pendings() if node - 1 in wanted}
    closed = trace.closed() if trace.failed else ()
    for node in range(last + 1):
        acts_on = replay.make(node)
        if node in wanted:
            fails: Collection[int] = closed[node + 1] if closed else ()
            yield replay.state(standing[node + 1], fails, acts_on)


@dataclass(slots=True)
class _Unfinished:
    """A change that its participant has yet to finish or to commit: the first of its steps, and what it will be."""

    node: int
    value: int | None = None


@dataclass(slots=True)
class _Replay:
    """The steps of an execution made again, one by one, on nothing but what is known of them."""

    execution: Execution
    one_record: bool
    contents: dict[str, Content] = field(default_factory=dict)
    held: dict[str, list[int]] = field(default_factory=dict)
    read: dict[tuple[int, str], Recollection] = field(default_factory=dict)
    latest: dict[int, str] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    began: dict[int, int] = field(default_factory=dict)  # by participant: the step with which its present try began
    writing: dict[str, tuple[int, bool]] = field(default_factory=dict)  # by resource: who changed it last, and alone
    staged: dict[tuple[int, str], _Unfinished] = field(default_factory=dict)
    at: dict[int, int] = field(default_factory=dict)  # by participant: its last step that others could notice
    symbols: list[Symbol] = field(default_factory=list)
    notes: dict[int, dict[str, int | str]] = field(default_factory=dict)
    following: dict[int, int] = field(default_factory=dict)  # by step: the next one of the same participant
    edges: dict[int, list[int]] = field(default_factory=dict)  # by buyer: where its requests begin and end
    ends: Mapping[int, str] = field(default_factory=dict)
    record: str | None = None

    def __post_init__(self) -> None:
        trace = self.execution.trace
        self.symbols = [trace.table.symbols[what] for what in trace.what]
        for note in self.execution.notes:
            self.notes.setdefault(note.step, {})[note.what] = note.value
        before: dict[int, int] = {}
        for node, who in enumerate(trace.who):
            if not self.symbols[node].step.private:
                if who in before:
                    self.following[before[who]] = node
                before[who] = node
        for record in self.execution.records:
            self.edges.setdefault(record.buyer, []).extend((record.since, record.until))
        for edges in self.edges.values():
            edges.sort()
        self.ends = ended(trace)
        self.record = self._record()

    def _record(self) -> str | None:
        """Return the resource of the record whose number is noted, if all notes of numbers are of one; else None.

        A number that is noted as a record is written may come with a later step, such as one that clears a journal. So
        the record is what numbers are read from or, if nobody reads any, what alone is written as numbers are noted.
        """
        if not self.one_record:
            return None
        numbered = [self.symbols[node].step for node, noted in self.notes.items() if node >= 0 and "remaining" in noted]
        read = {step.resource for step in numbered if step.action is Action.READ}
        wrote = {step.resource for step in numbered if not step.private}
        found = read or wrote
        return next(iter(found)) if len(found) == 1 else None

    def make(self, node: int) -> Recollection | None:
        """Make a step; return the read on which it acts though that is old, if it does."""
        who, symbol = self.execution.trace.who[node], self.symbols[node]
        step, noted = symbol.step, self.notes.get(node, {})
        self._begin_request(who, node)
        acts_on = None
        if step.action is Action.FAULT:
            self._strike(who, step, node)
        elif step.private:
            self._tell_of(who, node, noted)
        else:
            self.at[who] = node
            if step.action.holds:
                self._hold(who, node, symbol)
            if step.action.looks:
                self._look(who, node, step, noted)
            elif step.action not in _NO_CONTENT and not step.action.holds and not symbol.refused:
                acts_on = self._change(who, node, step, noted)
        if RETRY in noted:
            self.began[who] = node + 1
        return acts_on

    def _begin_request(self, who: int, node: int) -> None:
        """What was read for another request, or in a try before, is remembered, but nothing rests on it."""
        edges = self.edges.get(who, ())
        place = bisect_right(edges, node)
        if place:
            self.began[who] = max(self.began.get(who, 0), edges[place - 1])

    def _strike(self, who: int, step: Step, node: int) -> None:
        if who in self.ends and step.resource in _ENDING:
            self.lost[who] = self.ends[who]
            for staged in [each for each in self.staged if each[0] == who]:
                del self.staged[staged]
        if step.resource not in _HARMLESS:
            for resource in self.contents:
                self._set(resource, Content(None, UNSURE), NEVER)

    def _hold(self, who: int, node: int, symbol: Symbol) -> None:
        step = symbol.step
        if not self._ends_nothing(node):
            take_or_give(self.held, who, symbol)
        if step.action in (Action.COMMIT, Action.ROLLBACK):
            for key in [each for each in self.staged if each[0] == who and _is_in(each[1], step.resource)]:
                if self._commits(node):
                    self._set(key[1], Content(self.staged[key].value, node), who)
                if not self._ends_nothing(node):
                    del self.staged[key]

    def _ends_nothing(self, node: int) -> bool:
        """Whether a commit was in vain: the database was busy or refused it, and another attempt or a rollback came."""
        step, after = self.symbols[node].step, self.following.get(node)
        if step.action is not Action.COMMIT:
            return False
        if after is not None:
            following = self.symbols[after].step
            return following.action in (Action.COMMIT, Action.ROLLBACK) and following.resource == step.resource
        stands = self.execution.trace.final[self.execution.trace.who[node]]
        return stands != NONE and self.execution.trace.table.step(stands).action in (Action.COMMIT, Action.ROLLBACK)

    def _commits(self, node: int) -> bool:
        """Whether a step is a commit that was not refused."""
        refused = self.symbols[node].refused or _REFUSED & self.notes.get(node, {}).keys()
        return self.symbols[node].step.action is Action.COMMIT and not refused and not self._ends_nothing(node)

    def _look(self, who: int, node: int, step: Step, noted: Mapping[str, int | str]) -> None:
        for action, resource in step.accesses:
            if action is not Action.READ:
                continue
            value = self._number(noted, resource)
            known = self.contents.get(resource, Content(None))
            if known.changed == NEVER and (who, resource) not in self.staged:
                self.contents[resource] = Content(value if value is not None else self._value(resource))
            content = self.contents.get(resource, known)
            # A transaction may read an older state; what differs from what is there now is old at once.
            old = None not in (value, content.value) and value != content.value and (who, resource) not in self.staged
            self._remember(who, Recollection(resource, value, node, old_since=content.changed if old else NEVER))

    def _change(self, who: int, node: int, step: Step, noted: Mapping[str, int | str]) -> Recollection | None:
        if _LEFT_AS_IT_WAS & noted.keys():
            return None
        resource = step.resource
        if _REFUSED & noted.keys():  # it failed, and may have changed something
            if not step.uncommitted:
                self._set(resource, Content(None, UNSURE), who)
            return None
        value = self._number(noted, resource)
        acts_on = self.read.get((who, resource))
        if step.uncommitted:
            self.staged.setdefault((who, resource), _Unfinished(node)).value = value
            if not self._will_commit(who, node, resource):
                acts_on = None
        else:
            for _, each in [access for access in step.accesses if access[0] not in _NO_CONTENT and not access[0].looks]:
                self._put(who, node, each, step, value)
        self._remember(who, Recollection(resource, value, node, wrote=True))
        rests = (
            acts_on is not None
            and not (acts_on.wrote or step.continuation)
            and acts_on.node >= self.began.get(who, 0)
            and acts_on.old_since > NEVER
            and step.action in (Action.WRITE, Action.TRUNCATE, Action.RENAME)
        )
        return acts_on if rests else None

    def _put(self, who: int, node: int, resource: str, step: Step, value: int | None) -> None:
        """Change a resource; the number is known unless another change came between the pieces of this one."""
        known = not step.continuation or self.writing.get(resource) == (who, True)
        self.writing[resource] = who, known
        self._set(resource, Content(value if known and resource == step.resource else None, node), who)

    def _tell_of(self, who: int, node: int, noted: Mapping[str, int | str]) -> None:
        """Take down a number that is noted after a later step that nobody else notices, such as an fsync."""
        before = self.at.get(who, NEVER)
        resource = self.symbols[before].step.resource if before > NEVER else ""
        content, value = self.contents.get(resource), self._number(noted, resource)
        if content and value is not None and content.changed == before and self.writing.get(resource) == (who, True):
            self.contents[resource] = content._replace(value=value)
            self._remember(who, Recollection(resource, value, before, wrote=True))

    def _set(self, resource: str, content: Content, by: int) -> None:
        """Change what a resource holds; what others remember of it is old, unless it is the same number."""
        self.contents[resource] = content
        for key, remembered in self.read.items():
            if key[1] != resource or key[0] == by:
                continue
            known = None not in (remembered.value, content.value)
            if known and remembered.value == content.value:
                self.read[key] = remembered._replace(old_since=NEVER)
            elif remembered.old_since <= NEVER:
                self.read[key] = remembered._replace(old_since=content.changed)

    def _will_commit(self, who: int, node: int, resource: str) -> bool:
        """Whether the transaction of a step is committed in the end."""
        after = self.following.get(node)
        while after is not None:
            step = self.symbols[after].step
            if _is_in(resource, step.resource) and step.action in (Action.COMMIT, Action.ROLLBACK):
                if self._commits(after):
                    return True
                if step.action is Action.ROLLBACK or not self._ends_nothing(after):
                    return False
            after = self.following.get(after)
        return False

    def _remember(self, who: int, recollection: Recollection) -> None:
        self.read[who, recollection.resource] = recollection
        self.latest[who] = recollection.resource

    def _value(self, resource: str) -> int | None:
        return self.contents[resource].value if resource in self.contents else None

    def _number(self, noted: Mapping[str, int | str], resource: str) -> int | None:
        value = noted.get("remaining")
        return value if resource == self.record and isinstance(value, int) else None

    def state(self, standing: list[int], fails: Collection[int], acts_on: Recollection | None) -> SharedState:
        """Return a copy of what is shared now; `standing` is the step before which each participant stands."""
        symbols = self.execution.trace.table.symbols
        waits = {
            who: symbols[what].step
            for who, what in enumerate(standing)
            if what != NONE and who not in self.lost and (what in fails or self._is_taken(symbols[what]))
        }
        return SharedState(
            dict(self.contents),
            {resource: tuple(dict.fromkeys(who)) for resource, who in self.held.items() if who},
            waits,
            {who: self.read[who, resource] for who, resource in self.latest.items()},
            dict(self.lost),
            acts_on,
        )

    def _is_taken(self, symbol: Symbol) -> bool:
        """Whether an attempt must fail since somebody has the lock; the death of its holder may have freed it."""
        step = symbol.step
        who = self.held.get(step.resource, ()) if symbol.may_fail and step.action.takes and step.excludes else ()
        return any(each not in self.lost or step.in_memory for each in who)


def _is_in(resource: str, database: str) -> bool:
    """Whether a commit to a database may be that of a change: to the database itself, or to one of its tables."""
    return resource == database or resource.startswith(TABLE)
