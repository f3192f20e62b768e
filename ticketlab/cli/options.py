"""Options that several commands share, and where their defaults come from.

A default is the option's own unless `[tool.ticketlab]` in the nearest pyproject.toml says otherwise (a table
`[tool.ticketlab.race]` for one command alone), unless `TICKETLAB_<OPTION>` in the environment does, unless the
command line does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.strict_json import brief

LARGEST_SETTINGS: Final = 128 << 10
_MOST_PARTS: Final = 64
# The parser of the standard library needs memory by the square of a dotted key's parts.
_ENDLESS_KEY: Final = re.compile(
    rb"""(?:(?:[^\s."'=,\[\]{}#]{1,80}|"[^"\n]{0,80}"|'[^'\n]{0,80}')[ \t]*+\.[ \t]*+){%d}""" % _MOST_PARTS
)
DAY_S: Final = 86_400.0
F = TypeVar("F", bound=Callable[..., Any])


def option(name: str, **settings: Any) -> Callable[[F], F]:
    """Declare an option whose default `TICKETLAB_<OPTION>` can set."""
    variable = "TICKETLAB_" + name.partition("/")[0].strip("- ").replace("-", "_").upper()
    return click.option(name, envvar=variable, **{"show_default": True, **settings})


def hold_options(command: F) -> F:
    """Declare the options of tickets that are held before they are bought."""
    for declare in (
        option("--abandon", type=float, default=0.0, help="With --hold: the share of all holds never confirmed."),
        option("--pay", metavar="TIME", default="0", help="With --hold: how long buyers take to pay: 20ms, 0-100ms."),
        option("--hold", metavar="TIME", help="Hold tickets for so long, then confirm: 50ms, 30s."),
    ):
        command = declare(command)
    return command


def holding(hold: str | None, pay: str, abandon: float) -> dict[str, Any]:
    """Return what these options say, as a scenario takes it; raises UsageError where it is no time."""
    from ticketlab.timings.latency import time_range

    soonest, latest = time_range(pay, f"--pay {pay!r}", "20ms or 0-100ms")
    shortest, longest = time_range(hold, f"--hold {hold!r}", "50ms or 30s") if hold is not None else (0.0, 0.0)
    if shortest != longest or (hold is not None and not longest):
        raise UsageError(f"--hold {hold!r} is not one time, more than 0: write 50ms or 30s")
    return {"hold": longest, "pay": (soonest, latest), "abandon": abandon}


class Name(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic since click 8.5 only
    """The name of a store, a strategy or a launcher, completed by the shell."""

    def __init__(self, what: str) -> None:
        self.name = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take any text: whoever looks the name up knows best what is wrong with it."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer what is installed."""
        from ticketlab.lab.registry import names

        return [CompletionItem(each) for each in names(self.name) if each.startswith(incomplete)]


class Positive(click.FloatRange):
    """A number above 0, of seconds or megabytes; NaN, which is neither above nor below anything, is refused."""

    def __init__(self, most: float) -> None:
        super().__init__(0, most, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number."""
        found = float(super().convert(value, param, ctx))
        if found != found:  # not a number: it equals nothing, itself included
            self.fail(f"{value!r} is not a number.", param, ctx)
        return found


class Command(click.Command):
    """A command that takes its defaults from pyproject.toml."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Load the defaults before the arguments are parsed."""
        extra.setdefault("default_map", self._defaults(info_name or ""))
        return super().make_context(info_name, args, parent, **extra)

    def _defaults(self, name: str) -> dict[str, Any]:
        path, table = _settings()
        known = {parameter.name.replace("_", "-"): parameter.name for parameter in self.params if parameter.name}
        own = table.get(name, {})
        if not isinstance(own, dict):
            raise UsageError(f"{path}: [tool.ticketlab] {name} is not a table")
        for key in own:
            if key not in known:
                raise unknown_name(f"setting in [tool.ticketlab.{name}] of {path}", key, known)
        shared = {key: value for key, value in table.items() if key in known}  # others are for other commands
        options = {parameter.name: parameter for parameter in self.params}
        return {
            known[key]: _default(options[known[key]], value, f"{path}: [tool.ticketlab] {key}")
            for key, value in (shared | own).items()
        }


def _default(option: click.Parameter, value: object, where: str) -> object:
    """Return a setting as the command line would have it, for the option itself to judge."""
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


def given_options(*left_out: str) -> list[str]:
    """Return the options of the running command that are not at their defaults, as words of a command line."""
    ctx = click.get_current_context()
    words = []
    for parameter in ctx.command.params:
        name, source = parameter.name or "", ctx.get_parameter_source(parameter.name or "")
        if name in left_out or source is None or source.name == "DEFAULT":
            continue
        option = f"--{name.replace('_', '-')}"
        value = ctx.params[name]
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        else:
            for each in value if isinstance(value, tuple) else (value,):
                words += [option, str(each)]
    return words


def _settings() -> tuple[Path, dict[str, Any]]:
    for folder in (Path.cwd(), *Path.cwd().parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            from ticketlab.lab.files import read_file

            return path, parse_settings(read_file(path, "settings in", largest=LARGEST_SETTINGS), path)
    return Path("pyproject.toml"), {}


def parse_settings(content: bytes, path: Path) -> dict[str, Any]:
    """Read the table `[tool.ticketlab]` of a pyproject.toml, empty where there is none.

    Raises:
        UsageError: it is no TOML, or the table is something else.
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
