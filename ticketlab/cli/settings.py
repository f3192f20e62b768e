"""The user's defaults: the table `[tool.ticketlab]` of the nearest pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import click

from ticketlab.core.errors import UsageError
from ticketlab.core.strict_json import brief

LARGEST_SETTINGS: Final = 128 << 10
_MOST_PARTS: Final = 64
# The memory that the standard library's parser needs grows with the square of the parts of a dotted key.
_ENDLESS_KEY: Final = re.compile(
    rb"""(?:(?:[^\s."'=,\[\]{}#]{1,80}|"[^"\n]{0,80}"|'[^'\n]{0,80}')[ \t]*+\.[ \t]*+){%d}""" % _MOST_PARTS
)


def read_settings() -> tuple[Path, dict[str, Any]]:
    """Return the nearest pyproject.toml and its table `[tool.ticketlab]`, which is empty if there is none."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            from ticketlab.lab.artifacts.files import read_file

            return path, parse_settings(read_file(path, "settings in", largest=LARGEST_SETTINGS), path)
    return Path("pyproject.toml"), {}


def parse_settings(content: bytes, path: Path) -> dict[str, Any]:
    """Read the table `[tool.ticketlab]` of a pyproject.toml; it is empty if there is none.

    Raises:
        UsageError: the content is not TOML, or `tool.ticketlab` is not a table.
    """
    import tomllib  # most folders have no pyproject.toml

    if _ENDLESS_KEY.search(content):
        raise UsageError(f"cannot read defaults from {path}: a key has more than {_MOST_PARTS} parts")
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        said = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise UsageError(f"cannot read defaults from {path}: {said}") from None
    tool = tables.get("tool", {})
    table = tool.get("ticketlab", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(f"{path}: tool.ticketlab is not a table")
    return table


def default_of(option: click.Parameter, value: object, where: str) -> object:
    """Return a setting as the text that the command line would give, which the option itself then judges."""
    if isinstance(option, click.Option) and option.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{where} is {brief(value)}: true or false is needed")
        return value
    several = isinstance(option, click.Option) and option.multiple
    parts = value if isinstance(value, list) and several else [value]
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, str | int | float):
            raise UsageError(f"{where} is {brief(part)}: a text or a number is needed")
        if isinstance(part, str) and "\0" in part:
            raise UsageError(f"{where} is {brief(part)}: it has a null character")
    return list(map(str, parts)) if several else str(value)
