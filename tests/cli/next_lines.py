"""Runs commands in one process, and then every line that they print under "Next:"; prints what went wrong as JSON."""

from __future__ import annotations

import io
import json
import shlex
import sys
from contextlib import redirect_stdout

from ticketlab.cli import cli


def run(line: str) -> tuple[int, str]:
    """Return a command's exit code, and what it printed."""
    program, *words = shlex.split(line, comments=True)
    assert program == "ticketlab"
    with redirect_stdout(io.StringIO()) as out:
        try:
            code = cli.main(words, standalone_mode=False) or 0
        except Exception as error:
            return getattr(error, "exit_code", 99), f"{type(error).__name__}: {error}"
    return code, out.getvalue()


def following(text: str) -> list[str]:
    """Return the lines under "Next:"."""
    return [line.strip() for line in text.rpartition("Next:\n")[2].splitlines() if line.startswith("  ticketlab")]


def main() -> None:
    """Run the commands that standard input lists; print, for each, its code, its next lines and what these came to."""
    told = []
    done: dict[str, tuple[int, str]] = {}
    for line in json.load(sys.stdin):
        code, text = run(line)
        lines = following(text)
        for each in lines:
            if each.partition("   #")[0] not in done:
                done[each.partition("   #")[0]] = run(each)
        came = [[each, *done[each.partition("   #")[0]]] for each in lines]
        told.append({"line": line, "code": code, "text": text, "next": came})
    print(json.dumps(told))


if __name__ == "__main__":
    main()
