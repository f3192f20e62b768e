"""What steps alone say went wrong between participants that share files: stale writes, torn reads, stale looks.

Each pattern is three steps, in this order: by one participant, by another, and by the first one again.

- *lost update*: it reads a file, another changes it, and it writes over what it has not seen;
- *check then act*: it looks for a name, another makes, moves or removes what stands there, and it acts on what it had
  found: on that name, or on anything;
- *torn read*: another begins to change a file, it reads, and the other goes on: what was read, nobody had finished.

In a database these are told of tables: who reads one also looks for what is there, and another's change counts when it
is committed. Who inserts rows writes over nothing, but acts. A statement that reads again what it changes, at that very
moment, acts on nothing that it read before.

A pattern says that two participants crossed each other, not that it did any harm: an idle one may be all right. So
whoever judges asks also whether the outcome is one that the participants have one after another.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence, Set
from functools import lru_cache
from typing import Final, NamedTuple

from ticketlab.core.steps import NAME, TABLE, Access, Action, Step


class MadeStep(NamedTuple):
    """A participant, from 0, and its step; `refused` says that the step changed nothing, whatever it was to do."""

    who: int
    step: Step
    refused: bool = False


_MOST_STEPS: Final = 4096  # of which is kept what they do: each is made in many executions
_CONTENT: Final = frozenset({Action.WRITE, Action.TRUNCATE})
_NONE: Final[frozenset[str]] = frozenset()
_DATA: Final = frozenset({*_CONTENT, Action.APPEND})
_NAMES: Final = frozenset(
    {
        *(Action.CREATE, Action.RENAME, Action.LINK, Action.UNLINK),
        *(Action.MAKE_DIRECTORY, Action.REMOVE_DIRECTORY),
    }
)


class Pattern(NamedTuple):
    """A name for what happened, the file or name that it happened to, and the three steps that prove it."""

    kind: str
    path: str
    steps: tuple[int, int, int]


class _Seen(NamedTuple):
    """What one step does to files, by their paths."""

    reads: frozenset[str]  # the files and tables whose content it reads
    looks: frozenset[str]  # the names that it looks for
    writes: frozenset[str]  # the files and tables that it writes over
    names: frozenset[str]  # the names that come to stand for something else
    changes: frozenset[str]  # those, and the files whose content others see changed
    acts: bool = False  # whether it changes anything, be it for later
    tries: frozenset[str] = frozenset()  # the names that it was to change, and could not


def patterns(moves: Sequence[MadeStep], failed: Container[int] | None = None) -> list[Pattern]:
    """Return the patterns in a sequence of steps, the gravest kind first; of each kind and path the first one.

    `failed` are those who failed, if that is known: an act that was refused changed nothing, and told its maker so.
    """
    seen = [_see(move.step, refused=move.refused) for move in moves]
    who = [move.who for move in moves]
    found = [*_torn(moves, seen), *_lost(who, seen), *_checked(who, seen, failed)]
    return list({(each.kind, each.path): each for each in reversed(found)}.values())[::-1]


@lru_cache(maxsize=_MOST_STEPS)
def _see(step: Step, *, refused: bool) -> _Seen:
    tables = [(action, name.removeprefix(TABLE)) for action, name in step.accesses if name.startswith(TABLE)]
    if tables:
        return _see_tables(step, tables, refused=refused)
    data = step.path or step.resource
    names = [(action, name.removeprefix(NAME)) for action, name in step.accesses if name.startswith(NAME)]
    renamed = frozenset(path for action, path in names if action in _NAMES)
    looks = frozenset(path for action, path in names if action is Action.LOOK)
    if refused:
        return _Seen(_NONE, looks, _NONE, _NONE, _NONE, tries=renamed)
    writes = frozenset({data}) if step.action in _CONTENT else _NONE
    if step.action is Action.RENAME:
        writes = frozenset({step.resource.removeprefix(NAME)})
    changes = renamed | {data} if step.action in _DATA else renamed
    reads = frozenset({data}) if step.action is Action.READ else _NONE
    return _Seen(reads, looks, writes, renamed, changes, acts=bool(changes))


def _see_tables(step: Step, tables: Sequence[Access], *, refused: bool) -> _Seen:
    """Return what a statement does to tables, or a commit: a change that is not committed is one for later."""
    read, written, inserted, tried = (
        frozenset(path for did, path in tables if did is action)
        for action in (Action.READ, Action.WRITE, Action.INSERT, Action.LOOK)
    )
    if step.action is Action.COMMIT:
        return _Seen(_NONE, _NONE, _NONE, written, written)
    acts = bool(written or inserted) and not refused
    seen = written | inserted if acts and not step.uncommitted and step.affects is None else _NONE
    return _Seen(read, read, written if acts else _NONE, seen, seen, acts=acts, tries=tried)


def _lost(who: Sequence[int], seen: Sequence[_Seen]) -> Iterator[Pattern]:
    """Yield each write over a change that its maker has not seen."""
    read: dict[tuple[int, str], int] = {}
    changes = [each.changes for each in seen]
    for node, step in enumerate(seen):
        read.update({(who[node], path): node for path in step.reads})
        for path in sorted(step.writes):
            since = read.get((who[node], path), node)
            if (between := _by_another(who, changes, path, since, node)) is not None:
                yield Pattern("lost update", path, (since, between, node))


def _checked(who: Sequence[int], seen: Sequence[_Seen], failed: Container[int] | None) -> Iterator[Pattern]:
    """Yield what was done, or failed to be done, after a look that was no longer true."""
    looked: dict[tuple[int, str], int] = {}
    names = [each.names for each in seen]
    for node, step in enumerate(seen):
        me = who[node]
        for path in step.reads if step.acts else ():
            looked.pop((me, path), None)  # a statement that reads again what it acts on
        tries = step.tries if failed is None or me in failed else _NONE
        for (one, path), since in looked.items():
            if (
                one == me
                and (step.acts or path in tries)
                and (between := _by_another(who, names, path, since, node)) is not None
            ):
                yield Pattern("check then act", path, (since, between, node))
        for path in step.changes | step.tries:
            looked.pop((me, path), None)
        if not step.acts:
            looked.update({(me, path): node for path in step.looks})


def _torn(moves: Sequence[MadeStep], seen: Sequence[_Seen]) -> Iterator[Pattern]:
    """Yield each read between two pieces of another's change, which begins where the file is emptied or created."""
    begun: dict[tuple[int, str], int] = {}
    reads: dict[tuple[int, str], list[int]] = {}
    for node, (step, (me, move, _)) in enumerate(zip(seen, moves, strict=True)):
        if step.reads:
            for writer, path in begun:
                if path in step.reads and writer != me:
                    reads.setdefault((writer, path), []).append(node)
        elif move.action in (Action.TRUNCATE, Action.CREATE) and step.changes:
            (path,) = step.changes
            begun[me, path] = node
            reads.pop((me, path), None)
        elif move.action is Action.WRITE:
            for path in step.writes:
                for between in reads.pop((me, path), ()):
                    yield Pattern("torn read", path, (begun[me, path], between, node))


def _by_another(who: Sequence[int], changes: Sequence[Set[str]], path: str, since: int, until: int) -> int | None:
    """Return the first step between two by which somebody else changes what a path leads to."""
    me = who[until]
    return next((node for node in range(since + 1, until) if who[node] != me and path in changes[node]), None)
