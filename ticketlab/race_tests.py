"""What pytest is given in place of a function that is to be raced: a test that asks for the fixtures it needs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import pytest

LAB: Final = "ticketlab"
"""The name of the fixture that races."""


def fail_in_a_line(message: str) -> NoReturn:
    """Fail the running test, without a traceback."""
    pytest.fail(message, pytrace=False)


class RaceTest:
    """A function that is to be raced: what it, `reset` and `invariant` ask for, and the test that pytest is given."""

    def __init__(self, function: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        bound = bool(parameters) and parameters[0].name == "self"
        self.function = function
        self.settings = settings
        self.has_session = len(parameters) > bound
        self.owner = parameters[:bound]
        self.own = parameters[bound + 1 :]

    def as_test(self) -> Callable[..., None]:
        """Return the test; pytest reads the fixtures that it needs off its signature."""

        @functools.wraps(self.function)
        def test(*owner: Any, **fixtures: Any) -> None:
            self._run(owner, fixtures)

        named = {each.name for each in self.own}
        more = [name for name in (*self._asked(), LAB) if name not in named]
        rest = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in dict.fromkeys(more)]
        test.__signature__ = inspect.Signature([*self.owner, *self.own, *rest])  # type: ignore[attr-defined]
        return test

    def _asked(self) -> list[str]:
        """Return the fixtures that `reset` and `invariant` ask for."""
        reset, invariant = self.settings.get("reset"), self.settings.get("invariant")
        if reset is None and invariant is None:
            return []
        from ticketlab.lab.exploring.callbacks import InvariantCall, asked_by

        return [
            *(asked_by(reset) if reset is not None else []),
            *(InvariantCall.of(invariant).fixtures if invariant is not None else []),
        ]

    def _run(self, owner: Sequence[Any], fixtures: Mapping[str, Any]) -> None:
        from ticketlab.core.errors import UsageError
        from ticketlab.testing.functions import FunctionRace

        name, lab = self.function.__name__, fixtures[LAB]
        own = {each.name: fixtures[each.name] for each in self.own if each.name in fixtures}
        wrong, race = "", None
        try:
            race = FunctionRace.of(self.settings, {asked: fixtures[asked] for asked in self._asked()})
        except UsageError as error:
            wrong = str(error)
        if not self.has_session:
            wrong = f"{name} takes no session: write def {name}(session)"
        if wrong:
            fail_in_a_line(wrong)
        lab.race(lambda session: self.function(*owner, session, **own), race)


class PlainRaceTest(RaceTest):
    """A plain function that is to be raced: it asks for what it needs by name alone."""

    given: Sequence[str] = ("self", "who", "folder", "returned")

    def __init__(self, function: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        super().__init__(function, settings)
        self.own = []

    def _asked(self) -> list[str]:
        """Return the fixtures that the function, `reset` and `invariant` ask for."""
        from ticketlab.lab.exploring.callbacks import asked_by

        calls = (self.function, self.settings.get("reset"), self.settings.get("invariant"))
        return [name for call in calls if call is not None for name in asked_by(call) if name not in self.given]

    def _run(self, owner: Sequence[Any], fixtures: Mapping[str, Any]) -> None:
        from ticketlab.core.errors import UsageError

        wrong = ""
        try:
            function = self.function.__get__(*owner) if owner else self.function
            self._race(fixtures[LAB], function, {asked: fixtures[asked] for asked in self._asked()})
        except UsageError as error:
            wrong = str(error)
        if wrong:
            fail_in_a_line(wrong)

    def _race(self, lab: Any, function: Callable[..., Any], fixtures: Mapping[str, Any]) -> None:
        from ticketlab.testing.plain_functions import PlainRace

        lab.race_plain(function, PlainRace.of(self.settings, fixtures))


class ProgramTest(PlainRaceTest):
    """A program that is to be explored, and the function that judges it."""

    given = ("self", "folder", "outputs")

    def __init__(self, function: Callable[..., Any], commands: Sequence[str], settings: Mapping[str, Any]) -> None:
        super().__init__(function, settings)
        self.commands = commands

    def _race(self, lab: Any, function: Callable[..., Any], fixtures: Mapping[str, Any]) -> None:
        from ticketlab.testing.programs import ProgramRace

        lab.race_program(function, ProgramRace.of(self.commands, self.settings, fixtures))
