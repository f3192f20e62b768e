"""Write into README and docs what their commands print now, where that differs from what they show.

    uv run python scripts/refresh_docs.py                       # every page; about a minute
    uv run python scripts/refresh_docs.py docs/exploring.md     # some
    uv run python scripts/refresh_docs.py --all README.md       # outputs that luck decides, too
    uv run python scripts/refresh_docs.py --check               # write nothing; exit with 1 if a page is not true

What is run, and what is compared, is in `tests/docs/session.py`. An output that the page cuts short with `...` at its
end is cut after as many lines as before; one that is cut elsewhere is not written but named, so that somebody looks.
Commands that took long are named, too.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.docs.session import ANY, PAGES, Command, Outcome, blocks, differences, performed, prepare

SLOW = 3.0  # seconds
Change = tuple[int, int, list[str]]  # the first line of a shown output, the line after its last, the new lines


def session(page: Path) -> Iterator[tuple[Command, Outcome]]:
    """Run a page's commands in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        for block in blocks(page.read_text(encoding="utf-8")):
            yield from performed(block, Path(folder))


def changes(page: Path, *, everything: bool) -> Iterator[Change | None]:
    """Run a page, tell what differs, and yield what can be written; None for what somebody must look at."""
    for command, outcome in session(page):
        found = list(differences(command, outcome))
        printed = outcome.lines
        if command.shown[-1:] == [ANY]:  # cut where the page cuts it
            printed = [*printed[: len(command.shown) - 1], ANY]
        writable = command.shown and not command.instead and ANY not in command.shown[:-1]
        writable = writable and outcome.code in command.exit_codes
        if outcome.seconds > SLOW:
            print(
                f"{page.name}:{command.start}: {outcome.seconds:.1f} s: {command.instead or command.text}", flush=True
            )
        if writable and (found or (everything and command.shown != printed)):
            print(f"{page.name}:{command.start}: $ {command.text}", flush=True)
            yield command.start, command.start + len(command.shown), printed
        elif found:
            print(f"{page.name}:{command.start}: look yourself:\n" + "\n".join(found), flush=True)
            yield None


def refresh(page: Path, *, everything: bool, check: bool) -> bool:
    """Bring a page up to date, and return whether it was."""
    began, spent = time.monotonic(), _processor_seconds()
    found = list(changes(page, everything=everything))
    lines = page.read_text(encoding="utf-8").splitlines()
    for start, end, printed in reversed([change for change in found if change]):
        lines[start:end] = printed
    if found and not check:
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{page.name}: {len(found)} outputs differ; {time.monotonic() - began:.1f} s, "
          f"{_processor_seconds() - spent:.1f} s of processor time", flush=True)  # fmt: skip
    return not found


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Refresh the pages that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, default=PAGES)
    parser.add_argument("--all", action="store_true", help="write every output anew, also where only luck differs")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is not true")
    given = parser.parse_args()
    true = [refresh(page, everything=given.all, check=given.check) for page in given.pages]
    return 0 if all(true) or not given.check else 1


if __name__ == "__main__":
    sys.exit(main())
