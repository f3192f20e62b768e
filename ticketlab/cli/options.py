"""Options that several commands share, and where their defaults come from.

The value of an option comes from the first of these that gives one: the command line; `TICKETLAB_<OPTION>` in the
environment; `[tool.ticketlab.<command>]` in the nearest pyproject.toml; `[tool.ticketlab]` there; its own default.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from ticketlab.cli.settings import default_of, read_settings
from ticketlab.core.duration import UNITS, parse_seconds
from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.inventory import Inventory
from ticketlab.core.spec import Spec

DAY_S: Final = 86_400.0
F = TypeVar("F", bound=Callable[..., Any])


def option(name: str, **settings: Any) -> Callable[[F], F]:
    """Declare an option whose default `TICKETLAB_<OPTION>` can set."""
    variable = "TICKETLAB_" + name.partition("/")[0].strip("- ").replace("-", "_").upper()
    return click.option(name, envvar=variable, **{"show_default": True, **settings})


def quantity_option(command: F) -> F:
    """Declare how many tickets an order is of."""
    told = "Tickets in an order: a number, or a range to draw from."
    return option("--quantity", metavar="N[-M]", default="1", help=told)(command)


def quantity_range(text: str) -> tuple[int, int]:
    """Return the lowest and the highest number of tickets in an order; raises UsageError if the text is none."""
    low, dash, high = text.partition("-")
    if not all(each.isascii() and each.isdigit() and len(each) < 18 for each in ((low, high) if dash else (low,))):
        raise UsageError(f"--quantity {text!r} is not a number of tickets: write 2, or 1-4 for a range")
    return int(low), int(high if dash else low)


def hold_options(command: F) -> F:
    """Declare the options of tickets that are held before they are bought."""
    for declare in (
        option(
            "--abandon", type=float, default=0.0, help="With --hold: the share of all holds that are never confirmed."
        ),
        option(
            "--pay", metavar="TIME", default="0", help="With --hold: the time that buyers take to pay: 20ms, 0-100ms."
        ),
        option("--hold", metavar="TIME", help="Buyers hold tickets for this time, and confirm within it: 50ms, 30s."),
    ):
        command = declare(command)
    return command


def hold_settings(hold: str | None, pay: str, abandon: float) -> dict[str, Any]:
    """Return the scenario's arguments that these options give; raises UsageError if one of them is no time."""
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
        """Take any text: the registry, which looks the name up, has the better error message."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer what is installed."""
        from ticketlab.lab.plugins.registry import names

        return [CompletionItem(each) for each in names(self.name) if each.startswith(incomplete)]


class Positive(click.FloatRange):
    """A number above 0, of a unit; NaN is refused."""

    def __init__(self, most: float, unit: str) -> None:
        super().__init__(0, most, min_open=True)
        self.name = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number."""
        found = float(super().convert(value, param, ctx))
        if found != found:  # NaN, which does not equal itself and passes every comparison of a range
            self.fail(f"{value!r} is not a number.", param, ctx)
        return found


class Seconds(Positive):
    """A time above 0: a number of seconds, as the option's help says, or a number with its unit."""

    def __init__(self, most: float = DAY_S) -> None:
        super().__init__(most, "seconds")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the time."""
        seconds = parse_seconds(str(value))
        try:
            return super().convert(value if seconds is None else seconds, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no time of up to {self.max:g} seconds: write 60, or a number with {UNITS}.")


class Command(click.Command):
    """A command that takes its defaults from pyproject.toml.

    `sections` has, by heading, the parameters whose help stands together at the end.
    """

    def __init__(self, *arguments: Any, sections: Mapping[str, Sequence[str]] | None = None, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._sections = sections or {}

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Load the defaults before the arguments are parsed."""
        extra.setdefault("default_map", self._defaults(info_name or ""))
        return super().make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of a section under its heading."""
        heading = {name: title for title, names in self._sections.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {"Options": [], **{title: [] for title in self._sections}}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                rows[heading.get(str(parameter.name), "Options")].append(row)
        for title, told in rows.items():
            if told:
                with formatter.section(title):
                    formatter.write_dl(told)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say where defaults can be set, if the command has options that have any."""
        if any(parameter.envvar for parameter in self.params):
            with formatter.section("Defaults"):
                formatter.write_text(
                    f"[tool.ticketlab] or [tool.ticketlab.{self.name}] in pyproject.toml, then TICKETLAB_<OPTION> in "
                    "the environment, then the command line."
                )

    def _defaults(self, name: str) -> dict[str, Any]:
        path, table = read_settings()
        options = named_options(self)
        own = table.get(name, {})
        if not isinstance(own, dict):
            raise UsageError(f"{path}: [tool.ticketlab] {name} is not a table")
        for key in own:
            if key not in options:
                raise unknown_name(f"setting in [tool.ticketlab.{name}] of {path}", key, options)
        shared = {key: value for key, value in table.items() if key in options}
        _refuse_unknown(table.keys() - options.keys(), path)
        return {
            str(options[key].name): default_of(options[key], value, f"{path}: [tool.ticketlab] {key}")
            for key, value in (shared | own).items()
        }


def named_options(command: click.Command) -> dict[str, click.Parameter]:
    """Return a command's options by the names that people write, without dashes in front."""
    return {option_name(each): each for each in command.params if isinstance(each, click.Option)}


def option_name(option: click.Parameter) -> str:
    """Return the long name of an option, without dashes in front."""
    return max(option.opts, key=len).lstrip("-")


def _refuse_unknown(keys: AbstractSet[str], path: Path) -> None:
    """Raise UsageError if one of the keys is no option of any command."""
    if not keys:
        return
    from ticketlab.cli import cli

    ctx = click.Context(cli)
    commands = {name: cli.get_command(ctx, name) for name in cli.list_commands(ctx)}
    known = {*commands, *(option for each in commands.values() if each for option in named_options(each))}
    for key in sorted(keys - known):
        raise unknown_name(f"setting in [tool.ticketlab] of {path}", key, known)


def command_line(*left_out: str, first: Mapping[str, object] | None = None, arguments: Sequence[str] = ()) -> str:
    """Return the command line of the running command, with the options that are not at their defaults.

    `arguments` come first, then the options in `first`, with the values given there. `left_out` names options to leave
    out: those that say where results go.
    """
    ctx = click.get_current_context()
    words = ["ticketlab", str(ctx.command.name), *arguments]
    for name, value in (first or {}).items():
        words += [f"--{name}", str(value)] if value else []
    for name, parameter in named_options(ctx.command).items():
        key = str(parameter.name)
        source = ctx.get_parameter_source(key)
        if name in left_out or name in (first or {}) or source is None or source.name == "DEFAULT":
            continue
        value = ctx.params[key]
        if isinstance(value, bool):
            words += [f"--{name}"] if value else parameter.secondary_opts
        else:
            for each in value if isinstance(value, tuple) else (value,):
                words += [f"--{name}", str(each).removesuffix(".0") if isinstance(each, float) else str(each)]
    return shlex.join(words)


def is_typed(key: str) -> bool:
    """Whether the command line itself gives an option, and not a file or the environment."""
    source = click.get_current_context().get_parameter_source(key)
    return source is not None and source.name == "COMMANDLINE"


def refuse_both(one: str, other: str) -> None:
    """Raise UsageError if the command line gives both of two options that exclude each other."""
    if is_typed(one) and is_typed(other):
        raise UsageError(f"--{one} and --{other} exclude each other: leave one of them out")


def with_option(spec: Spec, name: str, value: str) -> Spec:
    """Return a spec with an option that the command line gives apart; raises UsageError if the spec has it already."""
    if name in dict(spec.options):
        raise UsageError(f"{spec} says its {name} already: leave out --{name}")
    return replace(spec, options=(*spec.options, (name, value)))


def for_sale(tickets: int) -> Inventory:
    """Return the inventory that `--tickets` asks for; raises UsageError if it is empty."""
    if tickets < 1:
        raise UsageError(f"--tickets {tickets} is not a number of tickets: at least 1 is needed")
    return Inventory.of(tickets)
