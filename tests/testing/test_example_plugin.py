"""A third party's store and strategy, found by entry points alone, conform, race and are explored like the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "example_plugin"


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the package is as good as installed: its code and its metadata are on the path."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / "site" / "ticketlab_toml-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return {**os.environ, "PYTHONPATH": f"{info.parent}{os.pathsep}{PLUGIN / 'src'}"}


def run(installed: dict[str, str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], env=installed, cwd=folder, capture_output=True, text=True)


def test_it_conforms(installed: dict[str, str], tmp_path: Path) -> None:
    code = "import ticketlab.testing as kit; kit.check_store('toml'); kit.check_strategy('turnstile', store='toml')"
    told = run(installed, tmp_path, "-c", f"{code}; kit.check_strategy('turnstile:broken', store='toml')")
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("race --store toml --strategy turnstile --latency none --buyers 5", 0, "turnstile on toml: ✓ correct"),
        ("explore --store toml --strategy turnstile", 0, "Exhausted: all interleavings of 3 buyers are safe"),
        ("explore --store toml --strategy turnstile:broken", 1, "confirmed on real processes"),
        ("explore --store toml --strategy none", 1, "lost update"),
        ("strategies", 0, "toml"),
        ("explore --store tomml", 2, "did you mean 'toml'?"),
    ],
)
def test_it_runs_like_the_rest(words: str, code: int, sentence: str, installed: dict[str, str], tmp_path: Path) -> None:
    told = run(installed, tmp_path, "-m", "ticketlab", *words.split())
    assert sentence in told.stdout + told.stderr
    assert told.returncode == code
