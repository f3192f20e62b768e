"""What pip and uv are told to install is the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_pip_and_uv_have_the_same_pins() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    assert settings["constraint-dependencies"] == constraints, "run scripts/pin.py"
    assert all("==" in pin and "://" not in pin for pin in constraints)
