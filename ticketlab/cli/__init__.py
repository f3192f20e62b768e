"""The command line: each module is a command, and is imported only when it is called, so that the start is quick.

Reading order: this module (commands, errors, exit codes); `options` and `settings` (where defaults come from); `race`,
the longest command; then any other command; `saving`, `outputs`, `command_lines`, `terminal` and `streams` are shared.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn

import click

import ticketlab
from ticketlab.cli import orphans, shadowing, streams
from ticketlab.core.errors import TicketlabError, UsageError, unknown_name
from ticketlab.core.text import escape_controls

_COMMANDS: Final = {
    "learn": "Learn about processes and shared state, in short lessons with programs that run.",
    "race": "Race buyers, a function or a program, live, and say what went wrong.",
    "compare": "Measure which strategy is correct, and what it costs, on your stores and this machine.",
    "report": "Draw a saved run as a page that opens offline, or as a picture, trace or table.",
    "runs": "List the runs and baselines that are kept.",
    "check": "Judge a history: valid, anomalous with proof, or undecided.",
    "check-lock": "Hold a lock of yours to the laws that every lock keeps.",
    "explore": "Search the schedules of buyers, a function or a program for one that goes wrong.",
    "mutate": "Take guards away in turn, and see whether a test notices.",
    "replay": "Run a saved case again, with the same steps every time.",
    "isolation": "Show which anomalies the isolation levels of a database let happen.",
    "schedule": "Show which job runs when under round robin and its like, and how long each waits.",
    "strategies": "List stores, strategies and launchers, and which strategy runs on which store.",
}
# The commands that start processes.
_STARTING: Final = frozenset({"learn", "race", "compare", "explore", "check-lock", "mutate", "replay", "isolation"})
_MOMENT: Final = 0.01  # seconds
INTERRUPTED: Final = 130
_FIRST_LINES: Final = """\
ticketlab finds the race between processes that share something, shows it, proves it gone, and prices the fix. Try:
  ticketlab race                                   # real buyers race for tickets: what goes wrong, and what fixes it
  ticketlab explore --store json --strategy none   # search all schedules for one that goes wrong, and show the smallest
  ticketlab learn                                  # lessons on processes, each with a program that runs
All commands: ticketlab --help"""
_STOPPED: Final = "interrupted: all processes were stopped, and nothing is left behind"


class Interrupted(BaseException):
    """A signal asks to stop the work; it is no KeyboardInterrupt, for which click would print an empty line."""


class LazyGroup(click.Group):
    """A group that knows its commands by name, and imports one from `ticketlab.cli.<name>` when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order in which a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the command's module."""
        if name not in _COMMANDS:
            return None
        if name in _STARTING:
            orphans.adopt()
        command = import_module(f"ticketlab.cli.{name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; if it is misspelt, suggest the closest."""
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS and not ctx.resilient_parsing:
            raise unknown_name("command", args[0], _COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(ticketlab.__version__, prog_name="ticketlab")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Find the race, show it, prove it gone, and price the fix.

    Buyers race for tickets in a shared inventory. The lab says which locking strategy keeps the books right on which
    store, and what it costs. Begin with `ticketlab race`.

    Exit codes: 0 valid, 1 anomaly found, 2 wrong usage, 3 undecided, 4 the lab could not do its work,
    5 a threshold was missed.
    """
    if ctx.invoked_subcommand is None:
        click.echo(_FIRST_LINES)


def main() -> None:
    """Run the command line, and turn every error into one line and an exit code."""
    try:
        signal.signal(signal.SIGINT, _interrupt_once)
        signal.signal(signal.SIGTERM, _interrupt_once)
        sys.unraisablehook = _interrupt_again
        streams.secure()
        _run()
    except (click.Abort, Interrupted):
        _fail(_STOPPED, INTERRUPTED)
    except Exception as error:
        if not _came_of_interrupt(error):
            raise
        _fail(_STOPPED, INTERRUPTED)


def _run() -> None:
    try:
        code = cli.main(standalone_mode=False) or 0
        sys.stdout.flush()
        _exit(code)
    except TicketlabError as error:
        _fail(str(error), error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except OSError as error:
        if _came_of_interrupt(error):
            raise
        streams.abandon_output()  # most likely it was the output that failed: a full disk, a closed terminal
        _fail(f"the system refused: {error}", TicketlabError.exit_code)
    except (ImportError, AttributeError) as error:
        if _came_of_interrupt(error) or (file := shadowing.shadowing_file()) is None:
            raise
        _fail(f"{file} hides the module {file.stem!r} that the lab needs ({error}): rename it", UsageError.exit_code)


def _came_of_interrupt(error: BaseException | None) -> bool:
    """Whether an exception followed from an interruption: Python replaces what is raised while a class is made."""
    while error is not None and not isinstance(error, Interrupted):
        error = error.__cause__ or error.__context__
    return error is not None


def _interrupt_once(_number: int, _frame: FrameType | None) -> None:
    """Stop the work; ignore further signals, so that processes are still killed and files removed."""
    _ignore_interrupts()
    raise Interrupted


def _interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Interrupt again, a moment later, if Python had to drop the interruption: in a weak reference's callback, say."""
    if hasattr(signal, "setitimer") and _came_of_interrupt(lost.exc_value):
        signal.signal(signal.SIGALRM, _interrupt_once)
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
    else:
        sys.__unraisablehook__(lost)


def _ignore_interrupts() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGALRM"):  # not every system has the last
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _fail(message: str, code: int) -> NoReturn:
    print(f"ticketlab: {escape_controls(message)}", file=sys.stderr)
    _exit(code)


def _exit(code: int) -> NoReturn:
    _ignore_interrupts()  # there is nothing left to be stopped
    sys.exit(code)
