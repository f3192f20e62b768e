"""A plain function as people write it, and how it is called: by parameter name, with who, folder and fixtures."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypedDict

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.spec import Spec
from ticketlab.lab.exploring.callbacks import survives_pickling
from ticketlab.lab.plain.servers import FunctionServer, names_of, server_named

FRESH: Final = "fresh"
"""In place of a folder: one that is made for the search, and emptied before each execution."""

_PARTICIPANTS: Final = {"threads": "thread", "tasks": "task"}
_SIMPLE: Final = (type(None), bool, int, str, float, bytes)


def participant_on(executor: str) -> str:
    """Return how people call a participant on an executor."""
    return _PARTICIPANTS.get(Spec.parse(executor).name, "process")


class Returned(NamedTuple):
    """A participant's call returned this; what cannot be sent between processes is given as text."""

    value: Any


class Raised(NamedTuple):
    """A participant's call ended by an exception: its type's name, what it says, and where it came from."""

    kind: str
    text: str
    where: str = ""


CallOutcome = Returned | Raised


class JudgedBy(TypedDict, total=False):
    """How a function is laid out and judged, by the names of `PlainFunction`."""

    reset: Callable[..., object] | None
    invariant: Callable[..., object] | None
    returned: Callable[[list[Any]], object] | None
    serial: bool
    folder: str | None
    fixtures: Mapping[str, Any]
    server: str | Sequence[str]


@dataclass(frozen=True, kw_only=True)
class PlainFunction:
    """A function that each of several participants calls once, and what must hold afterwards.

    The function may ask by parameter name for `who` (its number, from 1), `folder` and any of `fixtures`; so may
    `reset`, which lays out the folder before each execution, and `invariant`, which is false or raises AssertionError
    if the end is wrong. The invariant may also ask for `returned`, the list of what the participants returned.
    `folder` is where the participants stand: a fresh one, or None to stay where they are. `returned` is asked whether
    the list of what they returned is right. `serial` says that results and files must be those of some order of the
    participants one after another. `in_tasks` says that participants are tasks of one event loop, and the function is a
    coroutine function. `server` names the database servers that the lab starts for it: environment variables say where
    they are, and before each execution they are empty. `settings` has the import paths of all this, for a case to name.
    """

    function: Callable[..., Any]
    processes: int = 2
    reset: Callable[..., object] | None = None
    invariant: Callable[..., object] | None = None
    returned: Callable[[list[Any]], object] | None = None
    serial: bool = False
    folder: str | None = FRESH
    fixtures: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    in_tasks: bool = False
    server: str | Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise UsageError(f"{self.processes} processes run nothing: at least 1 is needed")
        if self.folder not in (FRESH, None):
            raise UsageError(f"folder is {self.folder!r}: {FRESH!r} makes one, and None stays where the test is")
        calls = self.function, getattr(self.function, "__call__", None)  # noqa: B004
        is_coroutine = any(map(inspect.iscoroutinefunction, calls))
        if is_coroutine and not self.in_tasks:
            raise UsageError(f"{self.title} is a coroutine function: race_test(tasks=...) has tasks of one loop run it")
        if self.in_tasks and not is_coroutine:
            raise UsageError(f"{self.title} is no coroutine function: tasks=... takes an async def")
        if inspect.isgeneratorfunction(self.function) or inspect.isasyncgenfunction(self.function):
            raise UsageError(f"{self.title} is a generator function: to call it runs nothing, so wrap it in a loop")
        arguments(self.function, self.title, dict.fromkeys(self._known - {"returned"}))
        for call in (self.reset, self.invariant):
            if call is not None:
                arguments(call, _name(call), dict.fromkeys(self._known))
        _ = self.servers  # they start, or an error says why they do not

    @property
    def servers(self) -> list[FunctionServer]:
        """The servers that the function is given."""
        return [server_named(each) for each in names_of(self.server)]

    @property
    def title(self) -> str:
        """How people call the function."""
        return self.name or getattr(self.function, "__qualname__", "the function")

    @property
    def judges_returned(self) -> bool:
        """Whether the user says which results are right, by `returned` or by an invariant that asks for them."""
        invariant = self.invariant
        asks = invariant is not None and "returned" in arguments(invariant, "", dict.fromkeys(self._known))
        return asks or self.returned is not None

    @property
    def _known(self) -> set[str]:
        return {"who", "folder", "returned", *self.fixtures}


def arguments(function: Callable[..., Any], title: str, given: Mapping[str, Any]) -> list[str]:
    """Return which of the given things a function asks for by parameter name; raises UsageError for unknown ones."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise UsageError(f"{title} does not tell its parameters: wrap it in a function of yours") from None
    asked = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name in given:
            asked.append(parameter.name)
        elif parameter.default is parameter.empty:
            raise UsageError(f"{title} asks for {parameter.name!r}: there is {', '.join(sorted(given))}")
    return asked


def bound(function: Callable[..., Any], given: Mapping[str, Any]) -> Callable[[], Any]:
    """Return a function with those of the given things that it asks for."""
    return partial(function, **{name: given[name] for name in arguments(function, _name(function), given)})


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", "a function")


def call_outcome(function: Callable[[], Any]) -> CallOutcome:
    """Return what came of a participant's call; `sys.exit` is as in a program."""
    try:
        return Returned(_sendable(function()))
    except SystemExit as error:
        return Returned(None) if not error.code else Raised("SystemExit", str(error.code))
    except TicketlabError:
        raise  # the lab says what it cannot do
    except Exception as error:
        return Raised(type(error).__name__, str(error), _where(error))


def _sendable(value: Any) -> Any:
    if type(value) in _SIMPLE:
        return value
    return value if survives_pickling(value) else repr(value)


def source_of(error: BaseException) -> str:
    """Return the line that raised an exception, as it stands in its file."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.line} ({Path(frame.filename).name}:{frame.lineno})"


def raised_text(error: BaseException) -> str:
    """Return an exception in a line: its type, what it says, and where it came from."""
    said = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said} ({_where(error)})" if said else f"{type(error).__name__} ({_where(error)})"


def _where(error: BaseException) -> str:
    """Return the line of the user's code that an exception came through last."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    mine = [frame for frame in frames if is_users_code(frame[0])]
    file, line = (mine or frames)[-1]
    return f"{Path(file).name}:{line}"


def is_users_code(file: str) -> bool:
    """Whether code is in a file that belongs neither to the lab nor to Python nor to an installed package."""
    return "site-packages" not in file and not file.startswith(_NOT_USERS)


_NOT_USERS: Final = ("<", f"{Path(traceback.__file__).parent}/", f"{Path(__file__).parents[2]}/")
