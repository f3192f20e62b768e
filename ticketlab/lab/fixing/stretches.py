"""Stretches of source lines that could stand under a lock: consecutive statements of one block of one function."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class CodePlace(NamedTuple):
    """A function by where its code begins: `first` is the line of its first decorator, or else of its `def`."""

    file: str
    name: str
    first: int


class Stretch(NamedTuple):
    """Consecutive statements of one block of a function, by their first and last line."""

    place: CodePlace
    first: int
    last: int

    @property
    def begins(self) -> str:
        """Where it begins, as people write it."""
        return f"{Path(self.place.file).name}:{self.first}"

    @property
    def ends(self) -> str:
        """Where it ends, as people write it."""
        return f"{Path(self.place.file).name}:{self.last}"

    @property
    def shown(self) -> str:
        """The stretch in words."""
        return f"from {self.begins} to {self.ends}" if self.last > self.first else f"at {self.begins}"

    def source(self) -> Sequence[str]:
        """Return its lines."""
        lines = Path(self.place.file).read_text(encoding="utf-8").splitlines()
        return lines[self.first - 1 : self.last]


def stretch_over(place: CodePlace, one: int, other: int) -> Stretch | None:
    """Return the fewest consecutive statements of a block that have both lines, or None if the source is not there.

    A generator and a coroutine have none: they are left and entered again in the middle of a block.
    """
    node = _functions_of(place.file).get((place.name, place.first))
    if node is None or isinstance(node, ast.AsyncFunctionDef) or any(map(_leaves, _own_nodes(node))):
        return None
    first, last = min(one, other), max(one, other)
    found = _cover(node.body, first, last)
    return found and Stretch(place, *found)


def _cover(block: Sequence[ast.stmt], first: int, last: int) -> tuple[int, int] | None:
    """Return the lines of the statements of a block that have two lines, of as deep a block as there is."""
    begins = next((each for each in block if _lines(each)[0] <= first <= _lines(each)[1]), None)
    ends = next((each for each in block if _lines(each)[0] <= last <= _lines(each)[1]), None)
    if begins is None or ends is None:
        return None
    if begins is ends:
        inner = next((found for each in _blocks(begins) if (found := _cover(each, first, last))), None)
        return _lines(begins) if inner is None or inner[0] in _begin_rounds(begins) else inner
    return _lines(begins)[0], _lines(ends)[1]


def _lines(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.end_lineno or node.lineno


def _begin_rounds(node: ast.stmt) -> Iterator[int]:
    """Yield the lines with which a round of an endless loop can begin: Python tells of no line between two rounds.

    A lock that is given back between them could not be told from one that is held on.
    """
    if not isinstance(node, ast.While) or not isinstance(node.test, ast.Constant):
        return
    first = node.body[0]
    yield first.lineno
    while isinstance(first, ast.Try | ast.With):
        first = first.body[0]
        yield first.lineno


def _blocks(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    """Yield the blocks of a compound statement that belong to the same function.

    A block that shares a line with its neighbour is none: a line is either under the lock or not. Neither is an `elif`,
    which cannot stand alone.
    """
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return
    blocks = [getattr(node, name, []) for name in ("body", "finalbody")]
    otherwise = getattr(node, "orelse", [])
    if isinstance(node, ast.If) and otherwise and otherwise[0].col_offset == node.col_offset:
        yield from _blocks(otherwise[0])
    else:
        blocks.append(otherwise)
    blocks += [each.body for each in (*getattr(node, "handlers", []), *getattr(node, "cases", []))]
    for block in blocks:
        alone = all(_lines(one)[1] < _lines(other)[0] for one, other in pairwise(block))
        if block and alone and block[0].lineno > node.lineno:
            yield block


@cache
def _functions_of(file: str) -> dict[tuple[str, int], ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions of a file by name and first line; none if the file cannot be read."""
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return {}
    found = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    return {(each.name, min([each.lineno, *(one.lineno for one in each.decorator_list)])): each for each in found}


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function, and not in one that it defines."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*_FUNCTIONS, ast.Lambda)):
            yield from _own_nodes(child)


def _leaves(node: ast.AST) -> bool:
    return isinstance(node, ast.Yield | ast.YieldFrom | ast.Await)
