"""Judging files: opens a history, streams it into columns, has it judged, and says so as a result."""

from __future__ import annotations

import gzip
import io
import shlex
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from ticketlab.checker import jsonl
from ticketlab.checker.budget import Budget, BudgetSpent
from ticketlab.checker.columns import Columns, MalformedHistory
from ticketlab.checker.final_state import judge_closing
from ticketlab.checker.linearize import check
from ticketlab.checker.model import NAMES, model_named
from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.history import History
from ticketlab.core.timeline import Timeline
from ticketlab.core.verdict import Verdict
from ticketlab.lab.artifacts.files import read_file
from ticketlab.lab.environment import environment

LONGEST_LINE: Final = 64 * 1024  # characters; longer is no operation, and reading on could fill the memory
LOOK_EVERY: Final = 1 << 20  # characters, after which the memory is looked at again
LARGEST_EDN: Final = 4 << 20  # bytes; its parser takes ten seconds for each of them
SECONDS: Final = 60.0
MEGABYTES: Final = 2_000.0

Progress = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A judged file: the verdict, the result as saved, and the operations unless too many."""

    verdict: Verdict
    result: dict[str, Any]
    columns: Columns | None = None

    def timeline(self) -> Timeline | None:
        """Return the history as it is drawn: a lane a process, a span an operation."""
        from ticketlab.lab.racing.timeline import of_history

        if self.columns is None:
            return None
        operations = tuple(self.columns.operation(row) for row in range(len(self.columns)))
        return of_history("history", History(self.columns.meta, operations), self.verdict.anomalies)


def check_file(
    path: Path,
    model: str | None = None,
    *,
    stock: int | None = None,
    seconds: float = SECONDS,
    megabytes: float = MEGABYTES,
    progress: Progress | None = None,
) -> CheckResult:
    """Judge the history in a file: JSON Lines, gzipped or not, or Jepsen's EDN (`*.edn`).

    `model` and `stock` come before those in the file. `seconds` limit the judging, `megabytes` what loading and judging
    may take together; when a limit is reached the verdict is undecided. `progress` is told the lines read and the share
    of the file that they are.

    Raises:
        UsageError: a file that cannot be read, a malformed history, or an unknown model.
    """
    if model is not None and model not in NAMES:
        raise unknown_name("model", model, NAMES)  # before a long file is read
    before = memory_in_use()
    command = ["ticketlab", "check", str(path), *(["--model", model] if model is not None else [])]
    command += ["--stock", str(stock)] if stock is not None else []
    try:
        columns = _load(path, progress, before + int(megabytes * 1_000_000))
    except BudgetSpent as spent:
        return CheckResult(Verdict((), str(spent)), _result(Verdict((), str(spent)), None, None, command))
    chosen = model_named(columns.meta, model, stock)
    left = megabytes - (memory_in_use() - before) / 1_000_000
    budget = Budget(seconds, left, None, time.monotonic, memory_in_use)
    verdict = check(columns, chosen, budget)
    closing = [
        each
        for each in judge_closing(columns, chosen.name, stock)
        if each.name not in {found.name for found in verdict.anomalies}
    ]
    verdict = Verdict([*verdict.anomalies, *closing], verdict.reason)
    return CheckResult(verdict, _result(verdict, chosen.name, len(columns), command), columns)


def memory_in_use() -> int:
    """Return the bytes of memory that this process occupies now (where the system tells only its peak: the peak)."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        import resource  # not on every system that ticketlab may be imported on

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return int(pages) * _page_size()


def _page_size() -> int:
    import resource

    return resource.getpagesize()


def _load(path: Path, progress: Progress | None, most: int) -> Columns:
    try:
        with path.open("rb") as raw:
            if path.suffix == ".edn":
                from ticketlab.lab.checking import edn  # its parser is an optional extra

                return edn.parse(read_file(path, "history", largest=LARGEST_EDN).decode("utf-8"))
            size = max(1, path.stat().st_size)

            def report(lines: int) -> None:
                if progress:
                    progress(lines, min(1.0, raw.tell() / size))

            with _unpacked(raw) as text:
                return jsonl.parse(_lines(text, most), report)
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder: expected a history, as in history.jsonl") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise MalformedHistory(f"{path} cannot be unpacked: {error}") from None
    except EOFError:
        raise MalformedHistory(f"{path} is cut off: the compressed data end too early") from None
    except UnicodeDecodeError as error:
        raise MalformedHistory(f"{path} is no text in UTF-8: {error.reason}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def _unpacked(raw: BinaryIO) -> io.TextIOWrapper:
    """Open a file as text, unpacked where it begins as a gzip file does."""
    zipped = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    stream: gzip.GzipFile | BinaryIO = gzip.GzipFile(fileobj=raw) if zipped else raw
    return io.TextIOWrapper(stream, encoding="utf-8", newline="\n")


def _lines(text: io.TextIOWrapper, most: int) -> Iterator[str]:
    """Yield the lines; lines may be long and files packed, so the memory is looked after by what has been read."""
    number, unseen = 0, 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        unseen += len(line)
        if len(line) > LONGEST_LINE:
            raise MalformedHistory(f"line {number}: longer than {LONGEST_LINE:,} characters: expected one operation")
        if unseen > LOOK_EVERY:
            unseen = 0
            if memory_in_use() > most:
                raise BudgetSpent(f"the budget of memory was spent on loading, after {number:,} lines")
        yield line


def _result(verdict: Verdict, model: str | None, operations: int | None, command: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "valid": verdict.valid,
        "anomalies": [anomaly.to_json() for anomaly in verdict.anomalies],
        "model": model,
        "operations": operations,
        "command": shlex.join(command),
        "environment": environment(Path()),
    }
    return result | ({"reason": verdict.reason} if verdict.reason else {})
