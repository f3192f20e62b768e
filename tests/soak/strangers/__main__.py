"""Explore uses of other people's packages, each in a process of its own.

    uv run python -m tests.soak.strangers
    uv run python -m tests.soak.strangers --only diskcache
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tests.soak.strangers as package
from tests.soak.strangers.kit import USES, Use

ROOT = Path(__file__).parents[3]


def gather() -> None:
    for each in pkgutil.iter_modules(package.__path__):
        if each.name not in ("__main__", "kit"):
            importlib.import_module(f"{package.__name__}.{each.name}")


def explore(each: Use, how: list[str], verbose: bool) -> str:
    command = [sys.executable, "-m", "ticketlab", "explore", each.name, *each.options, *how, "--json"]
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=180, env={**__import__("os").environ, "PYTHONPATH": str(ROOT)}
            )
        except subprocess.TimeoutExpired:
            return "HANGS"
        took = time.monotonic() - began
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return f"STOPPED {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}"
    if verbose:
        print(json.dumps(found, indent=1)[:6000])
    verdict = {0: "proved", 1: "wrong", 3: "undecided"}.get(done.returncode, str(done.returncode))
    bad = " <<<<" if (verdict == "wrong") == each.right or (verdict == "proved" and not each.right) else ""
    told = found.get("reason") or "; ".join(a.get("sentence", str(a)) for a in found.get("anomalies", []))
    return f"{verdict}{bad} {found.get('executions')} {took:.1f}s {told[:400]} {done.stderr.strip()[-300:]}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--executions", default="300")
    parser.add_argument("-v", action="store_true")
    told, more = parser.parse_known_args()
    gather()
    for each in USES:
        if told.only in f"{each.package}: {each.name}":
            verdict = explore(each, ["--executions", told.executions, *more], told.v)
            print(f"{each.package}: {each.function.__name__} ({'right' if each.right else 'wrong'}): {verdict}", flush=True)


main()
