"""A name in a folder as a resource, and the steps that look for it, make it, and unmake it."""

from __future__ import annotations

from typing import Final

from ticketlab.core.steps import NAME, Access, Action, Step

LIST: Final = "names in "
"""How the resource of the list of a folder's names begins."""
ORDER: Final = "order of names in "
"""How the resource begins that is in which order a folder lists its names."""
READERS: Final = "readers of "
"""How the resource begins that is who reads a database."""
BESIDE: Final = ("-journal", "-wal", "-shm")
"""How the names of the files end that SQLite has beside a database."""
LINKS: Final = "links of "
"""How the resource begins that is what names a file has: whether it has lost its last one."""


class FileName:
    """A name in a folder. `path` is how people know it; `looks` are those on the way there, from folder to folder."""

    __slots__ = ("_data_steps", "_steps", "folder", "in_folder", "looks", "name", "path")

    def __init__(self, path: str, folder: str, looks: tuple[Access, ...] = (), *, in_folder: bool = False) -> None:
        self.path = path
        self.name = NAME + path
        self.folder = folder
        self.looks = looks
        self.in_folder = in_folder  # the working folder itself, which nobody moves: then the text alone says all
        self._steps: dict[Action, Step] = {}
        self._data_steps: dict[tuple[Action, str], Step] = {}

    @property
    def entry(self) -> Access:
        """What happens to the folder's list if the name comes to be or ceases to."""
        return Action.ENTER, LIST + (self.folder or ".")

    def step(self, action: Action) -> Step:
        """Return the step that looks for the name, or makes or unmakes it."""
        try:
            return self._steps[action]
        except KeyError:
            also = self.looks if action is Action.LOOK else (*self.looks, self.entry)
            step = self._steps[action] = Step(action, self.name, also=also)
            return step

    def with_data(self, action: Action, data: str) -> Step:
        """Return the step that looks for the name, and does something to the file's data."""
        try:
            return self._data_steps[action, data]
        except KeyError:
            looks = (*self.looks, (Action.LOOK, self.name))
            if action is Action.READ:  # people know it as a look
                step = Step(Action.LOOK, self.name, also=(*self.looks, (action, data)))
            else:
                step = Step(action, data, also=looks, path=self.path)
            self._data_steps[action, data] = step
            return step
