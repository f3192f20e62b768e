"""Options that several commands share, and where their defaults come from.

A default is the option's own unless `[tool.ticketlab]` in the nearest pyproject.toml says otherwise (a table
`[tool.ticketlab.race]` for one command alone), unless `TICKETLAB_<OPTION>` in the environment does, unless the
command line does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ticketlab.core.errors import UsageError, unknown_name

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
        return {known[key]: value for key, value in (shared | own).items()}


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
            import tomllib  # most folders have no pyproject.toml

            try:
                tables = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise UsageError(f"cannot read defaults from {path}: {error}") from None
            table = tables.get("tool", {}).get("ticketlab", {})
            if not isinstance(table, dict):
                raise UsageError(f"{path}: tool.ticketlab is not a table")
            return path, table
    return Path("pyproject.toml"), {}
