"""The public names: all there, imported only when used, and callable where a package has a function's name."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ticketlab


def test_every_public_name_is_there() -> None:
    assert {name for name in ticketlab.__all__ if getattr(ticketlab, name, None) is None} == set()
    assert set(ticketlab.__all__) <= set(dir(ticketlab))


def test_another_name_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tickets'"):
        ticketlab.tickets  # type: ignore[attr-defined]  # noqa: B018


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_the_package_imports_none_of_its_rooms() -> None:
    code = "import sys, ticketlab; print([name for name in sys.modules if name.startswith('ticketlab.')])"
    assert run(code) == "[]"


@pytest.mark.parametrize("before", ["", "import ticketlab.explore.case", "from ticketlab.explore import case"])
def test_a_package_with_a_functions_name_answers_calls_whoever_imported_it(before: str) -> None:
    code = f"{before}\nimport ticketlab\nfrom ticketlab import explore, Scenario, Exploring\n"
    code += "print(explore(Scenario.of('memory', 'lock', buyers=2)).verdict.valid, explore.case.Case.__name__)"
    if "case" not in before:
        code = code.replace("explore.case.Case.__name__", "'Case'")
    assert run(code) == "True Case"
