"""The public names: all there, imported only when used, and callable where a package has a function's name."""

from __future__ import annotations

import subprocess
import sys
from inspect import getattr_static

import pytest

import ticketlab
from ticketlab.core.result import Tour
from ticketlab.lab.checking.check_file import CheckResult
from ticketlab.lab.exploring.crash_result import CrashMatrixResult, CrashResult
from ticketlab.lab.plain.results import PlainExploration, PlainReplay


def test_every_public_name_is_there() -> None:
    assert {name for name in ticketlab.__all__ if getattr(ticketlab, name, None) is None} == set()
    assert set(ticketlab.__all__) <= set(dir(ticketlab))


@pytest.mark.parametrize(
    "result",
    [
        ticketlab.ComparisonResult,
        ticketlab.Exploration,
        ticketlab.PlainPlanResult,
        ticketlab.PlainRaceResult,
        ticketlab.PlanResult,
        ticketlab.ProgramExploration,
        ticketlab.ReplayResult,
        ticketlab.Result,
        ticketlab.Verdict,
        CheckResult,
        CrashMatrixResult,
        CrashResult,
        PlainExploration,
        PlainReplay,
        Tour,
    ],
)
def test_every_result_says_whether_it_is_valid(result: type[object]) -> None:
    assert isinstance(getattr_static(result, "valid"), property)


def test_another_name_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tickets'"):
        ticketlab.tickets  # type: ignore[attr-defined]  # noqa: B018


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_the_package_imports_none_of_its_rooms() -> None:
    code = "import sys, ticketlab; print([name for name in sys.modules if name.startswith('ticketlab.')])"
    assert run(code) == "[]"


def test_no_public_function_shares_its_name_with_a_package() -> None:
    code = (
        "import types; from ticketlab import check, explore; print(type(check) is type(explore) is types.FunctionType)"
    )
    assert run(code) == "True"
