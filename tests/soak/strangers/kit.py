"""What a use of a package is, and what several of them share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

Called = TypeVar("Called", bound=Callable[..., Any])

USES: Final[list[Use]] = []


@dataclass(frozen=True)
class Use:
    """A function that uses a package, whether that is right, and with which options it is explored."""

    package: str
    function: Callable[..., Any]
    right: bool
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.function.__module__}:{self.function.__qualname__}"


def use(package: str, *, right: bool, options: str = "", **named: Callable[..., Any]) -> Callable[[Called], Called]:
    """Register a function; `reset`, `invariant` and `returned` are functions of a module."""

    def register(function: Called) -> Called:
        told = [f"--{option}={each.__module__}:{each.__qualname__}" for option, each in named.items()]
        USES.append(Use(package, function, right, (*options.split(), *told)))
        return function

    return register


def zero(folder: Path) -> None:
    (folder / "count").write_text("0")


def add() -> int:
    """Count one up, in a way that two at once get wrong."""
    count = int(Path("count").read_text()) + 1
    Path("count").write_text(str(count))
    return count


def counted(folder: Path, returned: list[Any]) -> bool:
    return (folder / "count").read_text() == str(len(returned))


def as_many_as_true(folder: Path, returned: list[Any]) -> bool:
    return (folder / "count").read_text() == str(returned.count(True))


def one_true(returned: list[Any]) -> bool:
    return returned.count(True) == 1


def all_apart(returned: list[Any]) -> bool:
    return len(set(returned)) == len(returned)


def one_two(returned: list[Any]) -> bool:
    return sorted(returned) == [1, 2]


def shown(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
