"""The ways to write a JSON file; they differ in what a reader can find half-way, and in what a dead writer leaves.

Only its writer uses a new file that is still to be renamed, and only the writer is concerned when data is forced to
disk. So these steps are `private`: their order makes no difference to others, but a fault can come before each of them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from ticketlab.core.pacing import at
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.descriptors import opened
from ticketlab.stores.disk import overwrite
from ticketlab.stores.journal import Journal

BooksWriter = Callable[[str], None]

_NUMBERS: Final = itertools.count()  # two writers in one process must not share a new file's name


def truncating(path: Path) -> BooksWriter:
    """Return a writer that does as json.dump(document, open(path, "w")): between its two steps the file is empty."""
    emptying, writing = Step(Action.TRUNCATE, path.name), Step(Action.WRITE, path.name, continuation=True)

    def write(text: str) -> None:
        at(emptying)
        with open(path, "w", encoding="utf-8") as file:
            at(writing)
            file.write(text)

    return write


def in_place(path: Path) -> BooksWriter:
    """Return a writer that does as open(path, "r+"), write, truncate: at first the rest of a longer text remains."""
    writing, cutting = Step(Action.WRITE, path.name), Step(Action.TRUNCATE, path.name, continuation=True)
    name = str(path)

    def write(text: str) -> None:
        at(writing)
        with opened(name, os.O_WRONLY) as file:
            overwrite(file, text.encode(), lambda: at(cutting))

    return write


def renaming(path: Path) -> BooksWriter:
    """Return a writer that makes a new file, fsyncs and renames it: a reader finds the old file or the new one."""
    number = next(_NUMBERS)
    writing, flushing = (
        Step(action, "new file", continuation=True, private=True) for action in (Action.WRITE, Action.FLUSH)
    )
    replacing = Step(Action.RENAME, path.name)

    def write(text: str) -> None:
        new = path.with_name(f".{path.name}.{os.getpid()}.{number}.new")
        try:
            at(writing)
            with open(new, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                at(flushing)
                os.fsync(file.fileno())
            at(replacing)
            new.replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                new.unlink()
            raise

    return write


def durable(path: Path) -> BooksWriter:
    """Return a writer that renames, then fsyncs the folder: until then a power cut can undo the rename."""
    replace, folder = renaming(path), str(path.parent)
    flushing = Step(Action.FLUSH, "folder", continuation=True, private=True)

    def write(text: str) -> None:
        replace(text)
        at(flushing)
        with opened(folder, os.O_RDONLY | os.O_DIRECTORY) as file:
            os.fsync(file)

    return write


def journalled(path: Path) -> BooksWriter:
    """Return a writer that writes into a journal, then in place."""
    return Journal(path).write


WRITERS: Final[Mapping[str, Callable[[Path], BooksWriter]]] = {
    "truncate": truncating,
    "in-place": in_place,
    "rename": renaming,
    "durable": durable,
    "journal": journalled,
}
