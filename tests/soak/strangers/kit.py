"""What a use of a package is, and what several of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

Called = TypeVar("Called", bound=Callable[..., Any])


@dataclass(frozen=True)
class Use:
    """A function that uses a package, whether that is right, and the options with which it is explored."""

    package: str
    function: Callable[..., Any]
    right: bool
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        """The function's import path."""
        return f"{self.function.__module__}:{self.function.__qualname__}"


USES: Final[list[Use]] = []


def use(package: str, *, right: bool, options: str = "", **named: Callable[..., Any]) -> Callable[[Called], Called]:
    """Register a function; `named` are the functions of the options --reset, --invariant and --returned."""

    def register(function: Called) -> Called:
        told = [f"--{option}={each.__module__}:{each.__qualname__}" for option, each in named.items()]
        USES.append(Use(package, function, right, (*options.split(), *told)))
        return function

    return register


def zero(folder: Path) -> None:
    """Lay out a count of 0."""
    (folder / "count").write_text("0")


def add() -> int:
    """Count one up, in a way that two at once get wrong."""
    count = int(Path("count").read_text()) + 1
    Path("count").write_text(str(count))
    return count


def counted(folder: Path, returned: list[Any]) -> bool:
    """Whether every participant was counted."""
    return (folder / "count").read_text() == str(len(returned))


def as_many_as_true(folder: Path, returned: list[Any]) -> bool:
    """Whether those were counted that say so."""
    return (folder / "count").read_text() == str(returned.count(True))


def one_true(returned: list[Any]) -> bool:
    """Whether one of them won."""
    return returned.count(True) == 1


def all_apart(returned: list[Any]) -> bool:
    """Whether no two got the same."""
    return len(set(returned)) == len(returned)


def one_two(returned: list[Any]) -> bool:
    """Whether they counted one after another."""
    return sorted(returned) == [1, 2]
