"""Public names: one name stands for one thing in the whole package, and what plugins may import is a list."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import ticketlab
from ticketlab import plugins

ROOT: Final = Path(ticketlab.__file__).parent
PLUGIN: Final = Path(__file__).parent / "example_plugin" / "src"

TWICE: Final = {
    "KIND": "the entry point of a plugin: one in each plugin's module",
    "command": "the click command of a module of `cli`: one in each",
    "judge": "a checker's way to judge a history: one for each method",
    "step": "a model's step function: one for each model",
    "validate": "a model's check of an operation: one for each model",
    "STOPPED": "the calls that the gate takes as steps: one family in each module of `gate/calls`",
    "patch": "has Python processes tell of one kind of objects: one in each module of `gate/inside`",
    "TYPE_CHECKING": "what a type checker alone looks at, where `typing` is not to be imported",
    "main": "the program, and the module that runs it by `python -m ticketlab`",
    "check": "judges a history; the one that `ticketlab` exports takes a file too",
}
"""Names that are defined in several modules, with the reason for each."""


def defined(module: ast.Module) -> Iterator[str]:
    """Yield the public names that a module defines at its top level; type variables do not count."""
    for node in module.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec"))):
                pass
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


@pytest.mark.slow
def test_a_public_name_is_defined_once() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for path in ROOT.rglob("*.py"):
        for name in defined(ast.parse(path.read_text(encoding="utf-8"))):
            if not name.startswith("_"):
                homes[name].add(str(path.relative_to(ROOT)))
    twice = {name: sorted(where) for name, where in homes.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in TWICE} == {}
    assert TWICE.keys() - twice.keys() == set(), "exceptions that are none any more"


def test_every_name_for_plugins_is_there() -> None:
    assert {name for name in plugins.__all__ if getattr(plugins, name, None) is None} == set()
    assert set(plugins.__all__) <= set(dir(plugins))
    with pytest.raises(AttributeError, match="no attribute 'Turnstile'"):
        plugins.Turnstile  # type: ignore[attr-defined]  # noqa: B018


def test_the_example_plugin_imports_nothing_but_public_names() -> None:
    public = {"ticketlab": set(ticketlab.__all__), "ticketlab.plugins": set(plugins.__all__)}
    for path in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ticketlab."):
                assert {each.name for each in node.names} <= public[node.module or ""]
            elif isinstance(node, ast.Import):
                assert not any(each.name.startswith("ticketlab.") for each in node.names)
