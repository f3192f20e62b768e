"""Explore right and wrong uses of other people's packages, and say which verdict cannot be true.

    uv run python -m tests.soak.strangers                       # makes a virtual environment of its own first
    uv run python -m tests.soak.strangers --venv DIR            # makes it there, or uses the one that is there
    uv run python -m tests.soak.strangers --only diskcache --executions 1000

Each use is a run of `ticketlab explore` in a process and a folder of its own. A right use that is called wrong is a
false alarm, and a wrong one that is called right is missed; *undecided* is neither. What the lab refuses to do ends
with a line that says why, and is counted apart. The exit code is 1 after a false alarm, a miss, a traceback, or a use
that takes too long.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import tests.soak.strangers as package
from tests.soak.strangers.kit import USES, Use

ROOT: Final = Path(__file__).parents[3]
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
_VERDICTS: Final = {0: "proved", 1: "went wrong", 3: "undecided"}
_BAD: Final = ("false alarm", "missed", "traceback", "too slow")


def gather(only: str) -> list[Use]:
    """Import the modules that have uses, and return those whose package, module or name has a text in it."""
    for each in pkgutil.iter_modules(package.__path__):
        if each.name not in ("__main__", "kit"):
            importlib.import_module(f"{package.__name__}.{each.name}")
    return [each for each in USES if only in f"{each.package}: {each.name}"]


def explore(each: Use, executions: int, timeout: float) -> tuple[str, str]:
    """Return the lab's verdict on a use, and what it says."""
    command = [sys.executable, "-m", "ticketlab", "explore", each.name, *each.options]
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [*command, "--executions", str(executions), "--json"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        except subprocess.TimeoutExpired:
            return "too slow", f"more than {timeout:g} s"
    try:
        found = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return "traceback" if "Traceback" in done.stderr else "refused", last
    said = found.get("reason") or "; ".join(one["sentence"] for one in found["anomalies"])
    verdict = _VERDICTS[done.returncode]
    if (verdict == "went wrong") if each.right else (verdict == "proved"):
        verdict = "false alarm" if each.right else "missed"
    return verdict, f"{found['executions']} executions{': ' if said else ''}{said}"


def version_of(name: str) -> str:
    """Return a package and its version."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name


def in_own_venv(told: argparse.Namespace, arguments: list[str]) -> int:
    """Make the virtual environment if it is not there, and run this again in it."""
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(told.venv or folder)
        python = venv.resolve() / "bin" / "python"
        if not python.exists():
            subprocess.run(["uv", "venv", "-q", "-p", sys.executable, str(venv)], check=True)
            install = ["uv", "pip", "install", "-q", "-p", str(python), "-r", str(REQUIREMENTS), "-e", str(ROOT)]
            subprocess.run(install, check=True)
        command = [str(python), "-m", package.__name__, "--here", *arguments]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


def main(arguments: list[str]) -> int:
    """Explore all uses, print a line for each and how many there were of each kind, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="uses whose package, module or name has this in it")
    parser.add_argument("--executions", type=int, default=300, help="at most so many of each")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each")
    parser.add_argument("--venv", default="", help="the folder of the virtual environment")
    parser.add_argument("--here", action="store_true", help="the packages are installed here")
    told = parser.parse_args(arguments)
    if not told.here:
        return in_own_venv(told, arguments)
    kinds, packages = Counter[str](), set[str]()
    for each in gather(told.only):
        verdict, said = explore(each, told.executions, told.timeout)
        kinds[f"{'right' if each.right else 'wrong'} {verdict}"] += 1
        packages.add(each.package)
        use = "right" if each.right else "wrong"
        print(f"{version_of(each.package)} | {each.function.__name__} | {use} | {verdict} | {said}", flush=True)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    print(f"{kinds.total()} uses of {len(packages)} packages: {counts}")
    return int(any(kind.endswith(_BAD) for kind in kinds))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
