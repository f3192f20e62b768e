"""The shared objects of a search: found before the participants are forked, named, and put back between executions.

A family gives a finder, which says what it takes an object for. Whoever makes an object in `reset` gets the one that
the first `reset` made in its place, as it was when it was new: the participants inherited that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, NamedTuple

from ticketlab.core import pacing
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.system.queue_feeders import await_feeders
from ticketlab.probes.shared.places import Put, put_everywhere
from ticketlab.probes.shared.reachable import MOST_OBJECTS, Reached, in_packages, reachable


class SharedObject:
    """An object that participants share; what a family has to say of it overrides this."""

    is_part = False
    """Whether other objects are made of such objects, so that it is put back with them."""

    is_replaced = False
    """Whether another object takes its place wherever it is held, since nothing can stand in for its own calls."""

    def __init__(self, value: Any) -> None:
        self.value = value  # which also keeps its identity from being given to another
        self.name = ""
        self.kept = True  # whether it is put back between executions

    def attach(self, name: str, put: Put | None) -> None:
        """Take a name, and have the object's own methods make steps; `put` replaces it where it was found."""
        self.name = name

    def detach(self) -> None:
        """Give the object back as it was."""

    def begin(self) -> None:
        """Forget, in a participant that begins an execution, what it knew in the one before."""

    def touch(self) -> None:
        """Say, as a participant that uses it, if it is not put back."""
        if not self.kept:
            told = f"{self.name} is not put back between executions: have a variable hold it that the function knows"
            pacing.note(pacing.OUT_OF_SIGHT, told)

    def end(self) -> None:
        """Do, as a participant whose call is over, what the end of its process would do."""

    def save(self) -> Any:
        """Return the object's state, as the leading process."""

    def restore(self, saved: Any) -> None:
        """Put a saved state back."""

    def inside(self, saved: Any) -> Iterable[tuple[Any, str]]:
        """Return the objects that can be reached through a saved state, and their names."""
        return ()

    def content(self) -> bytes | None:
        """Return what a run left in the object, for comparison with another run; None if there is nothing to tell."""
        return None

    def is_written_by(self, resource: str) -> bool:
        """Whether a step that changes a resource may have changed the content."""
        return True


class _Made(NamedTuple):
    """What `reset` made, by which call, and its state when it was new."""

    call: Any
    given: str
    value: Any
    found: SharedObject | None
    saved: Any


_GONE: Final = (OSError, EOFError)
"""What is raised for an object whose server has ended, or that has been closed: participants share it no more."""

Finder = Callable[[Any], SharedObject | None]
"""Says what an object is for a family; None if it is none of its business."""


class SharedObjects:
    """The shared objects of one search."""

    def __init__(self) -> None:
        self.finders: list[Finder] = []
        self.others: list[Callable[[], Iterable[tuple[Any, str]]]] = []  # objects that need not be reachable
        self._found: dict[int, SharedObject] = {}
        self._told: list[SharedObject] = []
        self._saved: list[tuple[SharedObject, Any]] = []
        self._names: Counter[str] = Counter()
        self._made: list[_Made] = []
        self._known = set[int]()
        self._created: list[Any] = []  # in the first `reset`, in a search in one process
        self._created_so_far = 0
        self._instead: dict[str, SharedObject] = {}  # by name: what the last `reset` made in place of that
        self._named: Counter[str] = Counter()
        self._held: dict[int, Reached] = {}  # what can be reached, with all places that hold it
        self.blind: list[str] = []  # what of the objects is not seen, for which reason
        self.in_one_process = False
        self.participant = "process"  # how people call who takes part
        self._place = 0
        self._before: list[tuple[SharedObject, bytes | None]] = []
        self.is_open = self.laying_out = self._making = False

    def open(self, roots: Mapping[str, Any]) -> None:
        """Find and name what participants can come to, once for a search, before they are forked."""
        self.is_open = True
        self._held = {id(reached.value): reached for reached in reachable(roots)}
        if len(self._held) == MOST_OBJECTS:
            self.blind.append(f"the function can come to more than {MOST_OBJECTS:,} objects, and the lab knows no more")
        for name, value, put in in_packages() if self.in_one_process else ():
            self._held.setdefault(id(value), Reached(name, value, [])).places.append(put)
        for name, value, _ in list(self._held.values()):
            found = self.adopt(value, name)
            if found is not None:
                self._told.append(found)
                self._adopt_parts(found)
        kept = set(self._found.values())
        for others in self.others:
            for value, name in others():
                self.adopt(value, name)
        for found in self._found.values():
            found.kept = found in kept  # somebody else may be at work with what the function cannot come to
        self._named = Counter(self._names)
        for found in filter(lambda found: found.kept, self._all()):
            with suppress(*_GONE):
                saved = found.save()
                self._saved.append((found, saved))
                for value, name in found.inside(saved):
                    self.adopt(value, name)
        there = {id(found) for found, _ in self._saved}
        self._told = [found for found in self._told if id(found) in there]
        self._known = set(self._found)
        self._held.clear()

    def _all(self) -> Iterator[SharedObject]:
        """Yield each object once; there may come more meanwhile."""
        told = set[int]()
        while left := [found for found in self._found.values() if id(found) not in told]:
            told.update(map(id, left))
            yield from left

    def close(self) -> None:
        """Give all objects back as they were, and forget them."""
        try:
            for found in self._all():
                found.detach()
            with suppress(*_GONE):
                for found, saved in self._saved:
                    found.restore(saved)
        finally:
            self.__init__()  # type: ignore[misc]  # as before any search

    def known(self) -> Iterator[SharedObject]:
        """Yield the objects that were there before the participants."""
        yield from (found for found, _ in self._saved)

    def of(self, value: Any) -> SharedObject | None:
        """Return what an object is."""
        return self._found.get(id(value))

    def knows(self, value: Any) -> bool:
        """Whether an object was there before participants were forked, so that they may share it."""
        return id(value) in self._found

    def _adopt_parts(self, found: SharedObject) -> None:
        """Take in what an object is made of: a queue has locks."""
        for name, part in list(getattr(found.value, "__dict__", {}).items()):
            if part is found:  # it stands in for what was inside, and has its name
                continue
            inner = self.adopt(part, f"{name.strip('_')} of {found.name}", parts=True)
            if inner is not None:
                self._adopt_parts(inner)

    def _what_is(self, value: Any) -> SharedObject | None:
        if isinstance(value, SharedObject):  # what stands in for an object that was made in a search
            return value
        return next((found for find in self.finders if (found := find(value)) is not None), None)

    def enter(self, value: Any, found: SharedObject) -> None:
        """Take down that another object stands for one that was found."""
        self._found[id(value)] = found

    def adopt(self, value: Any, name: str, *, parts: bool = False) -> SharedObject | None:
        """Take an object in under a name; None if it is no shared object, and if it has been taken in already.

        The name does not count if a variable holds the object. With `parts`, only what other objects are made of is
        taken in.
        """
        if id(value) in self._found:
            return None
        with suppress(*_GONE):
            found = self._what_is(value)
            if found is not None and (found.is_part or not parts):
                return self._take_in(value, found, name)
        self._found.pop(id(value), None)
        return None

    def put_of(self, value: Any) -> Put | None:
        """Return what puts another object wherever one can be reached, while a search begins."""
        held = self._held.get(id(value))
        return partial(put_everywhere, held.places) if held is not None else None

    def _take_in(self, value: Any, found: SharedObject, name: str) -> SharedObject:
        held = self._held.get(id(value))
        put = self.put_of(value)
        name = held.name if held is not None else name
        self._found[id(value)] = found
        self._names[name] += 1
        found.attach(name if self._names[name] == 1 else f"{name}#{self._names[name]}", put)
        if found.is_replaced and found is not value and held is not None and held.is_fixed:
            self.blind.append(
                f"{found.name} is also where it cannot be exchanged: what is done there the lab does not see"
            )
        return found

    def restore(self) -> None:
        """Put all objects back to where they were when the search began, as the leading process."""
        if self.in_one_process:
            self._drop_late()
        for found, saved in self._saved:
            try:
                found.restore(saved)
            except _GONE as error:
                said = str(error) or type(error).__name__
                raise TicketlabError(f"{found.name} cannot be put back between executions: {said}") from error

    @contextmanager
    def in_reset(self) -> Iterator[None]:
        """Let what is made meanwhile be what was made there before."""
        self._place, self._created_so_far, self.laying_out = 0, 0, True
        try:
            yield
        finally:
            self.laying_out = False
            await_feeders()

    def adopt_late(self, value: Any, who: int) -> SharedObject | None:
        """Take in an object that a participant uses and that was made since the search began, if all share it."""
        return self.adopt(value, f"{type(value).__name__} used by {who}") if self.in_one_process else None

    def created(self, value: Any, who: int) -> None:
        """Take in an object that has just been made: in `reset` it has the name of the one made there in its place."""
        if not self.laying_out:
            self.adopt(value, f"{type(value).__name__} made by {who}")
            return
        place, self._created_so_far = self._created_so_far, self._created_so_far + 1
        if not self.is_open:
            self._created.append(value)
        elif place < len(self._created):
            before = self._found.get(id(self._created[place]))
            found = self._what_is(value)
            if found is not None and before is not None:
                self._found[id(value)] = self._instead[before.name] = found
                found.attach(before.name, None)

    def _drop_late(self) -> None:
        """Forget the objects that were made since the search began."""
        self._instead.clear()
        for key in self._found.keys() - self._known:
            self._found.pop(key).detach()
        self._names = Counter(self._named)

    def make(self, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Make an object by a call, or take the one that the same call made before; raises UsageError if it is new."""
        if not self.laying_out or self._making:
            return call(*args, **kwargs)
        self._making = True
        try:
            return self._make(call, args, kwargs)
        finally:
            self._making = False

    def _make(self, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        name, given = getattr(call, "__name__", "an object"), repr((args[1:], kwargs)) if args else repr(kwargs)
        place, self._place = self._place, self._place + 1
        if place < len(self._made):
            made = self._made[place]
            if (made.call, made.given) != (call, given):
                raise UsageError(f"reset makes {name} where it made {made.call.__name__} before: it must repeat itself")
            if made.found is not None:
                made.found.restore(made.saved)
            return made.value
        if self.is_open:
            raise UsageError(f"reset makes {name} that it did not make the first time: it must repeat itself")
        value = call(*args, **kwargs)
        found = self._what_is(value)
        self._made.append(_Made(call, given, value, found, found.save() if found is not None else None))
        return value

    def watch(self) -> None:
        """Take down what the objects hold, before an execution."""
        self._before = [(found, found.content()) for found, _ in self._saved if not found.is_written_by("")]

    def changed_without(self, changed: set[str]) -> Iterator[str]:
        """Yield the names of what holds something else since then, though nobody has changed such a resource."""
        for found, before in self._before:
            if found.content() != before and not any(map(found.is_written_by, changed)):
                yield found.name

    def begin(self) -> None:
        """Begin an execution, as a participant."""
        for found, _ in self._saved:
            found.begin()

    def end(self) -> None:
        """End a call, as a participant."""
        for found, _ in self._saved:
            found.end()

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield what the named objects hold, by their names."""
        for told in self._told:
            found = self._instead.get(told.name, told)
            content = found.content()
            if content is not None:
                yield found.name, content
