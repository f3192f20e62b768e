"""Why nobody can move: who holds what, who waits for what, and what that is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ticketlab.core.faults import FaultKind
from ticketlab.core.pacing import AWAITS, GAVE_BACK, TOOK
from ticketlab.core.steps import Action, Step
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Trace
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.engine.steps import NONE, Symbol, describe_step

_ENDS: Final = {
    FaultKind.KILL.value: "killed",
    FaultKind.KILL_SERVICE.value: "killed",
    FaultKind.TERMINATE.value: "terminated",
}


_MOST_CUT_SHORT: Final = 20  # of those that are not as long as can be


class Wait(NamedTuple):
    """A participant that cannot go on, the step before which it stands, and who holds the step's resource.

    `tries` says that the participant could make the step, but has made it in vain before and would do so again.
    """

    who: int
    step: Step
    holders: tuple[int, ...]
    tries: bool = False


def participant_name(who: int, buyers: int) -> str:
    """Return the name of a participant for people: buyers and services are numbered from 1."""
    return f"buyer {who + 1}" if who < buyers else f"service {who - buyers + 1}"


def holders(trace: Trace) -> dict[str, list[int]]:
    """Return who holds each resource at the end: who took it, unless somebody has given it back since.

    Who was refused it has not taken it.
    """
    held: dict[str, list[int]] = {}
    for who, what in zip(trace.who, trace.what, strict=True):
        take_or_give(held, who, trace.table.symbols[what])
    return held


def take_or_give(held: dict[str, list[int]], who: int, symbol: Symbol) -> None:
    """Take down what a step takes, or gives back; `held` has who holds each resource."""
    step = symbol.step
    if symbol.refused:
        return
    if step.action.takes and step.excludes:
        held[step.resource] = [who]  # the holder before lost it by dying, without giving it back
    elif step.action.takes:
        held.setdefault(step.resource, []).append(who)
    elif step.action.gives_back and held.get(step.resource):
        holding = held[step.resource]
        holding.remove(who if who in holding else holding[0])


def ended(trace: Trace) -> dict[int, str]:
    """Return which participants were ended by a fault, and how."""
    steps = zip(trace.who, trace.steps, strict=True)
    return {who: _ENDS[step.resource] for who, step in steps if step.action is Action.FAULT and step.resource in _ENDS}


def waits(trace: Trace) -> list[Wait]:
    """Return the participants that stand before a step at the end, with the holders of its resource."""
    held = holders(trace)
    before = [(who, trace.table.symbols[what]) for who, what in enumerate(trace.final) if what != NONE]
    return [
        Wait(who, symbol.step, tuple(dict.fromkeys(held.get(symbol.step.resource, ()))), symbol.postponed)
        for who, symbol in before
    ]


def task_waits(execution: Execution) -> list[Wait]:
    """Return the tasks that wait at the end as `waits` does, by the names of what they await, with who has that."""
    holder: Mapping[str, int] = held_by_tasks(execution)
    awaited: dict[int, str] = {}
    for note in execution.notes:
        if note.step < len(execution.trace):  # and not of an attempt that was going on at the end
            awaited[execution.trace.who[note.step]] = str(note.value) if note.what == AWAITS else ""
    return [_named(wait, awaited.get(wait.who, ""), holder) for wait in waits(execution.trace)]


def held_by_tasks(execution: Execution) -> dict[str, int]:
    """Return which task has which lock at the end, by the notes that they made."""
    holder: dict[str, int] = {}
    for note in execution.notes:
        if note.what == TOOK:
            holder[str(note.value)] = execution.trace.who[note.step]
        elif note.what == GAVE_BACK:
            holder.pop(str(note.value), None)
    return holder


def _named(wait: Wait, name: str, holder: Mapping[str, int]) -> Wait:
    if not name:
        return wait
    step = wait.step._replace(action=Action.AWAIT, path=f"{name} at {wait.step.shown}")
    return wait._replace(step=step, holders=(holder[name],) if name in holder else ())


def cycle(waiting: Sequence[Wait]) -> list[Wait]:
    """Return a ring of waits, each for the participant of the next and the last for the first's; empty if none."""
    by_who = {wait.who: wait for wait in waiting}
    for start in waiting:
        path: list[Wait] = []
        wait: Wait | None = start
        while wait is not None and wait not in path:
            path.append(wait)
            wait = next((by_who[holder] for holder in wait.holders if holder in by_who), None)
        if wait is not None:
            return path[path.index(wait) :]
    return []


def _signalled_before(trace: Trace, wait: Wait) -> bool:
    """Whether somebody changed the awaited resource before the waiter came, and nobody took the change away."""
    mine = [node for node, who in enumerate(trace.who) if who == wait.who]
    came = mine[-1] + 1 if mine else 0
    steps = [(node, step) for node, step in enumerate(trace.steps) if trace.who[node] != wait.who]
    on = [(node, step) for node, step in steps if step.resource == wait.step.resource and step.changes]
    return any(node < came for node, _ in on) and all(step.action is not Action.RECEIVE for _, step in on)


def explain(execution: Execution, buyers: int) -> Anomaly | None:
    """Return the anomaly that kept an execution from completing, with who waits for what; None if it completed well."""
    trace = execution.trace
    if execution.ending is ExecutionEnd.COMPLETED and execution.kept and not execution.injected:
        return _never_released(trace, buyers)
    if execution.ending is not ExecutionEnd.STUCK:
        return None
    waiting = [wait for wait in waits(trace) if wait.who < buyers or wait.holders]
    ring = cycle(waiting)
    told = ring or [wait for wait in waiting if wait.who < buyers]
    lost = ended(trace)
    name = "deadlock" if ring else _name(execution, told, lost)
    evidence = [
        {
            "who": participant_name(wait.who, buyers),
            "waits": describe_step(wait.step),
            "holders": [participant_name(holder, buyers) for holder in wait.holders],
            "holds": [resource for resource, who in holders(trace).items() if wait.who in who],
        }
        for wait in told
    ]
    return Anomaly(name, "; ".join(_sentence(trace, wait, buyers, lost) for wait in told), {"waits": evidence})


def is_cut_short(execution: Execution) -> bool:
    """Whether an execution came to a bound while somebody could have gone on.

    Such a one says nothing: whoever goes on and on may do so a number of times, or wait for somebody who comes later.
    """
    return execution.ending is ExecutionEnd.ENDLESS


def ends_search(execution: Execution, cut_short: int, bound: int) -> bool:
    """Whether a search ends with an execution, after so many that were cut short, in which `bound` steps may be made.

    What comes of one that was as long as can be is as long as well, and more of the kind.
    """
    return is_cut_short(execution) and (len(execution.trace) >= bound or cut_short >= _MOST_CUT_SHORT)


def cut_short_sentences(count: int) -> list[str]:
    """Say of how many executions that is so, if of any."""
    were = "execution was" if count == 1 else "executions were"
    return (
        [f"{count:,} {were} cut short at the bound on steps or on time, while somebody could have gone on"]
        if count
        else []
    )


def _name(execution: Execution, told: Sequence[Wait], lost: Mapping[int, str]) -> str:
    """Return what a stuck execution is called if those who wait do not wait for each other in a ring."""
    if told and all(wait.holders and lost.keys() >= set(wait.holders) for wait in told):
        return "lock never released"
    if execution.injected:
        return "survivors blocked for ever"
    if all(wait.holders for wait in told):
        return "lock never released"
    if all(wait.tries and not wait.holders for wait in told):
        return "livelock"
    if any(not wait.holders and _signalled_before(execution.trace, wait) for wait in told):
        return "lost wake-up"
    return "deadlock"


def _never_released(trace: Trace, buyers: int) -> Anomaly | None:
    """Return an anomaly if buyers have finished and still hold a lock; what several may hold is no lock."""
    locks = {step.resource for step in trace.steps if step.action.takes and step.excludes}
    kept = [
        (participant_name(one, buyers), lock) for lock, who in holders(trace).items() for one in who if lock in locks
    ]
    if not kept:
        return None
    sentence = "; ".join(
        f"{who} has finished and still holds {lock}: nobody can ever have it again" for who, lock in kept
    )
    return Anomaly("lock never released", sentence, {"kept": [{"who": who, "holds": lock} for who, lock in kept]})


def _sentence(trace: Trace, wait: Wait, buyers: int, lost: Mapping[int, str]) -> str:
    mine = [resource for resource, who in holders(trace).items() if wait.who in who]
    holds = f"holds {' and '.join(mine)} and " if mine else ""
    who = participant_name(wait.who, buyers)
    if wait.holders:
        them = " and ".join(participant_name(holder, buyers) for holder in wait.holders)
        held = f"{who} {holds}waits for {wait.step.resource}, held by {them}"
        if how := lost.get(wait.holders[0]):
            return f"{held}, which was {how} while holding it: nobody can ever have it again"
        return held
    gone = "".join(f": {participant_name(each, buyers)} was {how}" for each, how in lost.items())
    waits = "tries again and again" if wait.tries else "waits"
    waiting = f"{who} {holds}{waits} to {wait.step.action.value} {wait.step.resource}"
    return f"{waiting}, and nobody is left to make that possible{gone}"
