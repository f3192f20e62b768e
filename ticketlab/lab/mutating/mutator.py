"""What finds guards, and what takes one of them away, while participants run their own code as it stands.

A guard is known by its kind and the line that uses it. Steps count that concern what one participant changes and
another one uses. A lock that is taken later is taken just before the second of them; one that is given back earlier,
just before the last of them that is made under it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from types import FrameType
from typing import IO, Any, Final

from ticketlab.core import pacing
from ticketlab.core.mutants import GuardUse
from ticketlab.core.pacing import Pacer, paced_by
from ticketlab.core.steps import Action, Step
from ticketlab.lab.mutating.calls import guarded_call
from ticketlab.lab.mutating.guards import CHANGED, HELD, MOVABLE, STEP, USED, GuardPlace, Mutant, Weakening
from ticketlab.lab.plain.function import is_users_code
from ticketlab.probes.here import HERE

_OURS: Final = ("/ticketlab/strategies/", "/ticketlab/stores/")
_SECOND: Final = 2
_NOWHERE: Final = GuardPlace("", "", 0)
_NOT_THERE: Final = ("take", "enter", "__enter__", "__exit__", "_tries_again", "<lambda>")


class GuardMutator:
    """Notes each guard that is used in a file; with a mutant, it also changes that one."""

    def __init__(self, notes: IO[bytes] | None, mutant: Mutant | None = None) -> None:
        self._notes = notes
        self._mutant = mutant
        self._noted = set[bytes]()
        self._mine: dict[int | None, _Participant] = {}

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a participant's call that begins without any guard; its steps are counted if it has a process."""

        @wraps(call)
        def begun(*args: Any, **kwargs: Any) -> Any:
            if (before := self._mine.get(pacing.moving())) is not None and before.calls:
                return call(*args, **kwargs)
            mine = self._mine[pacing.moving()] = _Participant()
            mine.calls = True
            try:
                return self._counted(mine, partial(call, *args, **kwargs))
            finally:
                mine.calls = False

        return begun

    def _counted(self, mine: _Participant, call: Callable[[], Any]) -> Any:
        """Make a participant's call with its steps counted, if it is alone in its process."""
        if HERE.shared.in_one_process or not getattr(pacing.current(), "_alone", False):
            return call()
        with paced_by(_CountingPacer(pacing.current(), mine, self)):
            result = call()
            self.step_made(mine)
            return result

    def call(self, original: Callable[..., Any], probe: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Make a call that a probe stands in for."""
        if pacing.moving() not in self._mine:
            return probe(*args, **kwargs)
        return guarded_call(self, self._mine[pacing.moving()].seen, original, probe, args, kwargs)

    def enter(self, use: GuardUse) -> Any:
        """Take a guard, unless the mutant has it otherwise."""
        mine = self._participant
        place = self._note(use.kind, MOVABLE if use.attempt and use.give else USED)
        weakening = self._weakening(place)
        if weakening is None or weakening is Weakening.EARLIER:
            result = use.take()
            if result is False:  # it was not free, and is not waited for
                return result
            mine.holding.append(use.key)
            if weakening is None or use.give is None:
                mine.counted, mine.about = place, []
            else:
                mine.early, mine.steps = use, 0
            return result
        if weakening is Weakening.LATER:
            mine.late, mine.steps = use, 0
            return use.skipped
        if weakening is Weakening.ADMITS_TWO and use.attempt is not None and use.attempt():
            mine.holding.append(use.key)
            return use.skipped
        self.note(place, CHANGED)
        mine.skipped.append(use.key)
        return use.skipped

    def leave(self, key: object, give: Callable[[], Any], skipped: Any = None) -> Any:
        """Give a guard back, if it was taken."""
        mine = self._participant
        if mine.late is not None and mine.late.key == key:
            mine.late = None
            return skipped
        if key in mine.skipped:
            mine.skipped.remove(key)
            return skipped
        if mine.early is not None and mine.early.key == key:
            mine.early = None
        if key in mine.holding:
            mine.holding.remove(key)
        return give()

    def replace(self, kind: str, do: Callable[[], Any], instead: Callable[[], Any]) -> Any:
        """Do what a guard does, or what the same call does without it."""
        place = self._note(kind, USED)
        if self._weakening(place) is not Weakening.TAKEN_AWAY:
            return do()
        self.note(place, CHANGED)
        return instead()

    @property
    def holds(self) -> bool:
        """Whether the participant at work has taken a guard, as far as it knows."""
        mine = self._participant
        return bool(mine.holding or mine.skipped or mine.late)

    def step_comes(self, mine: _Participant, step: Step) -> None:
        """Take a guard late, or give it back early, if the step that comes is the one before which that is done."""
        if self._mutant is None:
            self.step_made(mine)
            mine.last = step
            return
        mine.counted_last = self._counts(step)
        if not mine.counted_last:
            return
        mine.steps += 1
        if (late := mine.late) is not None and mine.steps >= _SECOND:
            mine.late = None
            late.take()
            mine.holding.append(late.key)
            self._changed()
        elif (early := mine.early) is not None and mine.steps == self._mutant.steps:
            mine.early = None
            assert early.give is not None, "only what can be given back early is"
            early.give()
            mine.holding.remove(early.key)
            mine.skipped.append(early.key)
            self._changed()

    def step_was_another(self, mine: _Participant, step: Step) -> None:
        """Take note that the step just made was another one than the one that came: it may count all the same."""
        mine.last = step
        if not mine.counted_last and self._counts(step):
            mine.counted_last = True
            mine.steps += 1

    def _counts(self, step: Step) -> bool:
        contested = self._mutant.contested if self._mutant is not None else frozenset()
        return not (step.private or step.action.holds or contested.isdisjoint(_names(step)))

    def step_made(self, mine: _Participant) -> None:
        """Note what the last step was about and, at the end of a guard, what the steps under it were about."""
        step, mine.last = mine.last, None
        if step is None or self._mutant is not None:
            return
        if step.action.gives_back and mine.counted is not None:
            self.note(mine.counted, HELD, mine.about)
            mine.counted = None
        elif not step.private and not step.action.holds:
            mine.about.append(step.resource)
            changes = [name for action, name in step.accesses if not action.looks and action is not Action.ENTER]
            self.note(_NOWHERE, STEP, [pacing.moving(), _names(step), changes])

    def note(self, place: GuardPlace, event: str, about: Sequence[Any] = ()) -> None:
        """Write down what happens to a guard, each thing once."""
        text = f"{json.dumps([event, place, about])}\n".encode()
        if self._notes is not None and text not in self._noted:
            self._noted.add(text)
            os.write(self._notes.fileno(), text)

    def _changed(self) -> None:
        assert self._mutant is not None, "only a mutant moves a guard"
        self.note(self._mutant.place, CHANGED)

    @property
    def _participant(self) -> _Participant:
        return self._mine.setdefault(pacing.moving(), _Participant())

    def _note(self, kind: str, event: str) -> GuardPlace:
        place = self._place(kind)
        if self._mutant is None:
            self.note(place, event)
        return place

    def _weakening(self, place: GuardPlace) -> Weakening | None:
        return self._mutant.weakening if self._mutant is not None and self._mutant.place == place else None

    def _place(self, kind: str) -> GuardPlace:
        """Return the innermost line that uses a guard and is the user's, or that of a strategy or store of the lab."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            file, name = frame.f_code.co_filename, frame.f_code.co_name
            ours = any(each in file for each in _OURS) and name not in _NOT_THERE
            if ours or is_users_code(file):
                return GuardPlace(kind, file, frame.f_lineno)
            frame = frame.f_back
        return GuardPlace(kind, "", 0)


def _names(step: Step) -> Sequence[str]:
    """Return what a step is about, whether others notice it at once or not."""
    return list(dict.fromkeys([*step.resources, *(name for _, name in step.accesses)]))


class _Participant:
    """What one participant has of guards while it `calls`: `holding` and `skipped` have their keys.

    `late` is a guard that it has yet to take, `early` one that it gives back early, `counted` where the guard stands
    under which it makes the steps that are `about` something, `last` its last step, `seen` what came of its looks.
    """

    def __init__(self) -> None:
        self.calls = False
        self.holding: list[object] = []
        self.skipped: list[object] = []
        self.late: GuardUse | None = None
        self.early: GuardUse | None = None
        self.counted: GuardPlace | None = None
        self.about: list[str] = []
        self.last: Step | None = None
        self.steps = 0
        self.counted_last = False
        self.seen: dict[object, Any] = {}


class _CountingPacer:
    """Tells the mutator of each step before it is made; all else is what another pacer does."""

    def __init__(self, pacer: Pacer, mine: _Participant, mutator: GuardMutator) -> None:
        self._pacer, self._mine_, self._mutator = pacer, mine, mutator
        self._inside = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_pacer"], name)

    def _comes(self, step: Step) -> None:
        if not self._inside:
            self._inside = True
            try:
                self._mutator.step_comes(self._mine_, step)
            finally:
                self._inside = False

    def at(self, step: Step) -> None:
        """Pass a scheduling point."""
        self._comes(step)
        self._pacer.at(step)

    def made(self, step: Step) -> None:
        """Take note that the last step was another one."""
        self._mutator.step_was_another(self._mine_, step)
        self._pacer.made(step)

    def block(self, step: Step, attempt: Callable[[], Any], wait: Callable[[], Any]) -> Any:
        """Make an access that may have to wait."""
        self._comes(step)
        return self._pacer.block(step, attempt, wait)
