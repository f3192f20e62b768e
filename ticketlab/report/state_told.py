"""What is shared after each step of an interleaving, in words: only what differs from the step before is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from ticketlab.core.text import join_words
from ticketlab.core.timeline import StateChange, StateKind
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.shared_state import NEVER, Content, Recollection, SharedState, shared_states


class TellState(NamedTuple):
    """How people call who takes part, and the number of a step in the table; `shown` are the resources that it names.

    `one_record` says that whatever number is noted is that of one record that all share.
    """

    called: Mapping[int, str]
    number: Callable[[int], int]
    shown: Collection[str]
    one_record: bool


LineState = tuple[tuple[StateChange, ...], str]  # what differs after a step, and how the step acts on an old value


def states_told(execution: Execution, first: Sequence[int], last: Sequence[int], tell: TellState) -> list[LineState]:
    """Return what differs after each line of a table, and on which old value a line acts.

    A line begins with a step of `first` and is over with the one of `last` at the same place; lines are in order.
    """
    names, told = _names(execution), []
    before: dict[tuple[StateKind, str], str] = {}
    states = shared_states(execution, frozenset({*first, *last}), one_record=tell.one_record)
    for began, over in zip(first, last, strict=True):
        state = next(states)
        old = _acts_on(state, execution, tell)
        if over != began:
            state = next(states)
            old = old or _acts_on(state, execution, tell)
        now = dict(_facts(state, execution, names, tell))
        changed = [StateChange(*key, now.get(key, "")) for key in {**before, **now} if before.get(key) != now.get(key)]
        told.append((tuple(changed), old))
        before = now
    return told


def _names(execution: Execution) -> dict[str, str]:
    """Return the names by which people know the resources."""
    table = execution.trace.table
    made = [table.step(what) for what in {*execution.trace.what, *execution.trace.final} - {0}]
    return {step.resource: step.shown for step in made}


Facts = list[tuple[tuple[StateKind, str], str]]


def _facts(state: SharedState, execution: Execution, names: Mapping[str, str], tell: TellState) -> Facts:
    """Return what is shared, and what each participant remembers, by what it is about."""
    found: Facts = []
    for resource, content in state.contents.items():
        if names.get(resource) not in tell.shown:
            continue
        if content.value is not None:
            found.append(((StateKind.HOLDS, names[resource]), f"{content.value} left"))
        elif content.changed > NEVER:
            found.append(((StateKind.CHANGED, names[resource]), _change(content, execution, tell)))
    for resource, who in state.holders.items():
        text = join_words([_holder(each, state, tell) for each in who])
        found.append(((StateKind.TAKEN, names.get(resource, resource)), text))
    for each, step in state.waits.items():
        if each in tell.called:
            found.append(((StateKind.WAITS, tell.called[each]), f"{step.action.value} {step.shown}"))
    for each, remembered in state.recollections.items():
        if each in tell.called and each not in state.lost and names.get(remembered.resource) in tell.shown:
            found.append(((StateKind.REMEMBERS, tell.called[each]), _remembered(remembered, names, tell)))
    return found


def _change(content: Content, execution: Execution, tell: TellState) -> str:
    who, step = execution.trace.who[content.changed], execution.trace.table.step(execution.trace.what[content.changed])
    return f"by {tell.called.get(who, 'another')} at step {tell.number(content.changed)}: {step.action.value}"


def _holder(who: int, state: SharedState, tell: TellState) -> str:
    name = tell.called.get(who, "another")
    return f"{name} †, {state.lost[who]}" if who in state.lost else name


def _remembered(remembered: Recollection, names: Mapping[str, str], tell: TellState) -> str:
    what = names[remembered.resource] if remembered.value is None else f"{remembered.value} left"
    said = f"{what}, as of step {tell.number(remembered.node)}"
    return said + (f"; old since step {tell.number(remembered.old_since)}" if remembered.old_since > NEVER else "")


def _acts_on(state: SharedState, execution: Execution, tell: TellState) -> str:
    old = state.acts_on
    if old is None:
        return ""
    who = execution.trace.who[old.old_since]
    value = "what it read" if old.value is None else f"the {old.value} that it read"
    return (
        f"now acts on an old value: {value} at step {tell.number(old.node)} is old since "
        f"{tell.called.get(who, 'another')}'s step {tell.number(old.old_since)}"
    )
