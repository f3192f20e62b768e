"""`ticketlab`, or `python -m ticketlab`: the first lines that run, before anything else is imported."""

import _signal  # type: ignore[import-not-found]  # `signal` would import more; an interrupt may come at once
import gc
import os
import sys

_UNIX_MODULES = ("fcntl", "resource", "pwd", "termios")
_INTERRUPTED = 130  # as a shell has it
_CANNOT_WORK = 4


def main() -> None:
    """Run the command line; an interrupt, or a system that lacks what a command needs, ends in one line."""
    _signal.signal(_signal.SIGINT, _stop)
    _signal.signal(_signal.SIGTERM, _stop)
    gc.set_threshold(50_000)  # imports make many objects and hardly any garbage
    try:
        from ticketlab.cli import main as run

        run()
    except ModuleNotFoundError as error:
        if error.name not in _UNIX_MODULES:
            raise
        print(
            f"ticketlab: this command needs a Unix system, with Python's module {error.name!r}; "
            "`ticketlab check` and `ticketlab report` work without",
            file=sys.stderr,
        )
        sys.exit(_CANNOT_WORK)
    finally:
        _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # all is done; an interrupt would be shown as an error
        gc.freeze()  # or the interpreter would look through everything once more when it ends


def _stop(_number: int, _frame: object) -> None:
    """End at once: until the command line has handlers of its own, nothing has been started or written."""
    os.write(2, b"ticketlab: interrupted: nothing was begun, and nothing is left behind\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
