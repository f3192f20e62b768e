"""The reduced search of what plain functions do to files reaches every outcome that some schedule has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.serial import RunResult, final
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.lab.plugins.registry import probes
from ticketlab.probes.kind import installed

MOST = 1_000
KINDS = probes()


def _write(name: str) -> None:
    with open(name, "w") as file:
        file.write("w")


def _append(name: str) -> None:
    with open(name, "a") as file:
        file.write("a")


def _size(name: str) -> int:
    return os.stat(name).st_size


def _swap(name: str) -> None:
    os.replace(name, "b" if name == "a" else "a")


def _link(name: str) -> None:
    os.link(name, "b" if name == "a" else "a")


def _symlink(name: str) -> None:
    os.symlink("b" if name == "a" else "a", name)


def _update(name: str) -> None:
    with open(name, "r+") as file:
        text = file.read()
        file.seek(0)
        file.write(text + "u")


# What stands in for a function is reached in modules and classes, and not inside a dictionary: hence the lambdas.
CALLS: dict[str, Callable[[str], object]] = {
    "read": lambda name: Path(name).read_text(),
    "write": _write,
    "append": _append,
    "update": _update,
    "size": _size,
    "exists": lambda name: os.path.exists(name),
    "unlink": lambda name: os.unlink(name),
    "replace": _swap,
    "link": _link,
    "symlink": _symlink,
    "mkdir": lambda name: os.mkdir(name),
    "rmdir": lambda name: os.rmdir(name),
    "list": lambda name: sorted(os.listdir("." if name == "a" else name)),
    "enter": lambda name: _write(f"{name}/in"),
    "touch": lambda name: Path(name).touch(),
    "truncate": lambda name: os.truncate(name, 1),
}

Program = list[tuple[str, str]]
programs = st.lists(st.tuples(st.sampled_from(sorted(CALLS)), st.sampled_from("ab")), min_size=1, max_size=2)


def _run(program: Program) -> list[str]:
    said = []
    for call, name in program:
        try:
            said.append(repr(CALLS[call](name)))
        except OSError as error:
            said.append(type(error).__name__)
    return said


def _outcomes(parts: list[Program], lay_out: str, policy: Policy) -> tuple[set[RunResult], int]:
    plain = PlainFunction(function=lambda who: _run(parts[who - 1]), processes=len(parts), reset=LAID_OUT[lay_out])
    workload = PlainWorkload(plain)
    found, count = set(), 0
    with Inline(workload) as executor:
        for execution in search(executor, policy, MOST):
            found.add(final(execution, workload))
            count += 1
    return found, count


def _one(folder: Path) -> None:
    (folder / "a").write_text("0")


def _two_names(folder: Path) -> None:
    _one(folder)
    (folder / "b").hardlink_to(folder / "a")


def _link_and_file(folder: Path) -> None:
    _one(folder)
    (folder / "b").symlink_to("a")


LAID_OUT: dict[str, Callable[[Path], None]] = {"one": _one, "two names": _two_names, "a link": _link_and_file}


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(programs, min_size=2, max_size=2), st.sampled_from(sorted(LAID_OUT)))
def test_the_reduced_search_reaches_every_outcome(parts: list[Program], lay_out: str) -> None:
    with installed(KINDS):
        every, many = _outcomes(parts, lay_out, DepthFirst())
        assume(many < MOST)
        reduced, few = _outcomes(parts, lay_out, SourceSets())
    assert reduced == every
    assert few <= many
