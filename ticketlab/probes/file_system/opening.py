"""How a file is opened under control: one step, which looks for its name and may create or empty it.

What it will be is known only when the step is made. So the participant stands before the most that it may be, and says
afterwards what it was; nobody else moves between.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from os import stat
from typing import TypeVar

from ticketlab.core import pacing
from ticketlab.core.file_names import FileName
from ticketlab.core.steps import Action, Step
from ticketlab.probes.file_system.resources import AnyPath
from ticketlab.probes.file_system.times import stamp
from ticketlab.probes.here import HERE

T = TypeVar("T")

_stat = stat


def open_at_step(path: AnyPath, flags: int, dir_fd: int | None, make: Callable[[], T], number: Callable[[T], int]) -> T:
    """Open a file by `make`, at its step, and take its descriptor down; `number` returns that."""
    creates = flags & (os.O_CREAT | os.O_TRUNC)
    follows = not flags & (os.O_EXCL | os.O_NOFOLLOW)
    place = passed(path, dir_fd, Action.CREATE if creates else Action.LOOK, follows=follows)
    if place is None:
        return make()
    if not creates:
        file = make()
        HERE.descriptors.enter(number(file), place, path, dir_fd, appends=bool(flags & os.O_APPEND))
        return file
    size = _size(path, dir_fd)
    try:
        file = make()
    except OSError as error:
        refused(error)
        raise
    entered = HERE.descriptors.enter(number(file), place, path, dir_fd, appends=bool(flags & os.O_APPEND))
    if entered is not None and (size is None or flags & os.O_TRUNC):
        stamp(number(file))
    if size is not None:
        pacing.made(_found(place, None if entered is None else entered.data, size, flags))
    return file


def refused(error: OSError) -> None:
    """Take down that the step just made changed nothing, and why."""
    pacing.note(pacing.UNCHANGED, type(error).__name__)


def passed(path: AnyPath, dir_fd: int | None, action: Action, *, follows: bool) -> FileName | None:
    """Pass the scheduling point before an access to a name, and return the place; None if it is nobody's business."""
    seems = HERE.resources.announced(path, dir_fd)
    if seems is None:
        return None
    pacing.at(seems.step(action))
    place = name_now(seems, path, dir_fd, follows=follows)
    if place is not seems and place.step(action) != seems.step(action):
        pacing.made(place.step(action))
    return place


def name_now(seems: FileName, path: AnyPath, dir_fd: int | None = None, *, follows: bool = False) -> FileName:
    """Return the name that a path stands for, now that it is the participant's turn.

    `follows` says whether a symbolic link there is followed.
    """
    if seems.in_folder and not (follows and HERE.resources.inodes.linked):
        return seems
    return HERE.resources.place(path, dir_fd, follows=follows)


def _found(place: FileName, data: str | None, size: int, flags: int) -> Step:
    """Return what opening a file was that had been there before."""
    if data is None or not flags & os.O_TRUNC:
        return place.step(Action.LOOK)
    if size:
        return place.with_data(Action.TRUNCATE, data)
    # It would have made a difference if there had been something to cut off. The kernel tells of a change all the same.
    return place.with_data(Action.READ, data)._replace(path=place.path)


def _size(path: AnyPath, dir_fd: int | None) -> int | None:
    """Return how much is in a file, or None if there is none."""
    try:
        return _stat(path, dir_fd=dir_fd).st_size
    except OSError:
        return None
