"""Judging files: a history is opened, read line by line into columns, and judged."""

from __future__ import annotations

import gzip
import io
import mmap
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from ticketlab.checker import jsonl
from ticketlab.checker.budget import Budget, BudgetSpent
from ticketlab.checker.columns import Columns, MalformedHistory
from ticketlab.checker.final_state import judge_closing
from ticketlab.checker.linearize import check
from ticketlab.checker.log_mapping import LogMapping
from ticketlab.checker.mapped_log import parse_log
from ticketlab.checker.model import NAMES, TRANSACTIONS, Model, model_named
from ticketlab.core import strict_json
from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.history import History
from ticketlab.core.timeline import Timeline
from ticketlab.core.verdict import Verdict
from ticketlab.lab.artifacts.files import read_file
from ticketlab.lab.environment import environment

MOST_CHARACTERS: Final = 64 * 1024
"""The most characters of a line; a longer one is no operation, and reading on could fill the memory."""
_LOOK_EVERY: Final = 1 << 20  # characters, after which the memory in use is looked up again
_LARGEST_EDN: Final = 64 << 20  # bytes; reading takes about half a second for each MiB
_DEFAULT_SECONDS: Final = 60.0
_DEFAULT_MEGABYTES: Final = 2_000.0

LinesProgress = Callable[[int, float], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A judged file: the verdict, the result as it is printed, and the operations unless loading was cut short."""

    verdict: Verdict
    result: dict[str, Any]
    columns: Columns | None = None

    @property
    def valid(self) -> bool | None:
        """Whether the history is right; None for undecided."""
        return self.verdict.valid

    def timeline(self) -> Timeline | None:
        """Return the history's timeline: a lane for each process, a span for each operation."""
        from ticketlab.lab.checking.timeline import history_timeline

        if self.columns is None:
            return None
        operations = tuple(self.columns.operation(row) for row in range(len(self.columns)))
        history = History(self.columns.meta, operations)
        return history_timeline("history", history, self.verdict.anomalies, self.columns.names)


def check_file(
    path: Path,
    model: str | Model | None = None,
    *,
    mapping: LogMapping | None = None,
    stock: int | None = None,
    isolation: str | None = None,
    seconds: float = _DEFAULT_SECONDS,
    megabytes: float = _DEFAULT_MEGABYTES,
    progress: LinesProgress | None = None,
    command: str = "",
) -> CheckResult:
    """Judge the history in a file: JSON Lines, gzipped or not, or Jepsen's EDN (`*.edn`).

    `model`, `stock` and `isolation` (the level by which transactions are judged) override those in the file. `mapping`
    says what a log calls the parts of a history, if the file is no history but a log of one's own. `seconds`
    limits the judging, `megabytes` the memory of loading and judging together; when a limit is reached, the verdict is
    undecided. `progress` is called with the number of lines read and the share of the file that they are. `command` is
    the command line that judges the file again.

    Raises:
        UsageError: the file cannot be read, the history is malformed, or the model is unknown.
    """
    if isinstance(model, str) and model.partition(":")[0] not in NAMES:
        raise unknown_name("model", model.partition(":")[0], NAMES)  # before a long file is read
    if model == TRANSACTIONS or (model is None and mapping is None and holds_transactions(path)):
        if mapping is not None:
            raise UsageError("a mapping is for operations: transactions are read as Jepsen records them")
        from ticketlab.lab.checking.check_transactions_file import check_transactions_file

        verdict, found = check_transactions_file(
            path, isolation, seconds=seconds, megabytes=megabytes, progress=progress, command=command
        )
        return CheckResult(verdict, found)
    if isolation is not None:
        raise UsageError(f"an isolation level is asked of transactions: {path} is judged by another model")
    before = memory_in_use()
    try:
        columns = _load(path, progress, before + int(megabytes * 1_000_000), mapping)
    except BudgetSpent as spent:
        return CheckResult(Verdict((), str(spent)), as_result(Verdict((), str(spent)), None, command))
    chosen = model if isinstance(model, Model) else model_named(columns.meta, model, stock)
    left = megabytes - (memory_in_use() - before) / 1_000_000
    budget = Budget(seconds, left, None, time.monotonic, memory_in_use)
    verdict = _judged(columns, chosen, stock, budget)
    result = as_result(verdict, chosen.name, command, len(columns)) | {"origin_ns": min(columns.invoke, default=0)}
    return CheckResult(verdict, result, columns)


def _judged(columns: Columns, model: Model, stock: int | None, budget: Budget) -> Verdict:
    """Judge operations, and what the history says of the end; an anomaly of both is named once."""
    verdict = check(columns, model, budget)
    known = {found.name for found in verdict.anomalies}
    closing = [each for each in judge_closing(columns, model.name, stock) if each.name not in known]
    return Verdict([*verdict.anomalies, *closing], verdict.reason)


def load_history(path: Path, mapping: LogMapping | None = None) -> Columns:
    """Read the history in a file, as `check_file` does, with no limit on memory; raises UsageError as that does."""
    return _load(path, None, sys.maxsize, mapping)


def memory_in_use() -> int:
    """Return the bytes of memory that this process has now, or has had at most, or 0: what the system tells."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        try:
            import resource
        except ImportError:  # not a Unix system
            return 0
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return int(pages) * mmap.PAGESIZE


def holds_transactions(path: Path) -> bool:
    """Whether a file begins as a history of transactions does; False if it cannot be read."""
    try:
        with path.open("rb") as raw, _unpacked(raw) as text:
            begin = text.read(MOST_CHARACTERS)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return False  # who reads it next says why
    if path.suffix == ".edn":
        return re.search(r":f\s+:txn\b", begin) is not None
    try:
        first = strict_json.parse(begin.partition("\n")[0])
    except ValueError:
        return False
    if not isinstance(first, dict):
        return False
    meta = first.get("meta")
    return meta.get("model") == TRANSACTIONS if isinstance(meta, dict) else first.get("f") == "txn"


def _load(path: Path, progress: LinesProgress | None, most: int, mapping: LogMapping | None = None) -> Columns:
    def from_edn(text: str, look: Callable[[], None]) -> Columns:
        from ticketlab.lab.checking import edn  # seldom needed

        return edn.parse_edn(text, look)

    if mapping is None:
        return read_history_file(path, progress, most, jsonl.parse_history, from_edn)
    if path.suffix == ".edn":
        raise UsageError("a mapping is for JSON Lines: histories in EDN have their own names")
    return read_history_file(path, progress, most, partial(parse_log, mapping), from_edn)


def read_history_file(
    path: Path,
    progress: LinesProgress | None,
    most: int,
    from_lines: Callable[[Iterable[str], Callable[[int], None]], T],
    from_edn: Callable[[str, Callable[[], None]], T],
) -> T:
    """Read a file as what two functions make of its lines, or of its text if it is EDN.

    Raises:
        UsageError: the file cannot be read, or the history is malformed.
        BudgetSpent: more than `most` bytes of memory are in use.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix == ".edn":
                text_of_edn = read_file(path, "history", largest=_LARGEST_EDN).decode("utf-8")
                return from_edn(text_of_edn, lambda: _refuse_more(most, "in the middle of the file"))
            size = max(1, path.stat().st_size)

            def report(lines: int) -> None:
                if progress:
                    progress(lines, min(1.0, raw.tell() / size))

            with _unpacked(raw) as text:
                return from_lines(_lines(text, most), report)
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


def _refuse_more(most: int, where: str) -> None:
    if memory_in_use() > most:
        raise BudgetSpent(f"the budget of memory was spent on loading, {where}")


def _unpacked(raw: BinaryIO) -> io.TextIOWrapper:
    """Open a file as text, unpacked if it begins as a gzip file does."""
    zipped = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    stream: gzip.GzipFile | BinaryIO = gzip.GzipFile(fileobj=raw) if zipped else raw
    return io.TextIOWrapper(stream, encoding="utf-8", newline="\n")


def _lines(text: io.TextIOWrapper, most: int) -> Iterator[str]:
    """Yield the lines; check the memory in use after so many characters, as a packed file does not tell its length."""
    number, unseen = 0, 0
    while line := text.readline(MOST_CHARACTERS + 1):
        number += 1
        unseen += len(line)
        if len(line) > MOST_CHARACTERS:
            raise MalformedHistory(f"line {number}: longer than {MOST_CHARACTERS:,} characters: expected one operation")
        if unseen > _LOOK_EVERY:
            unseen = 0
            _refuse_more(most, f"after {number:,} lines")
        yield line


def as_result(verdict: Verdict, model: str | None, command: str, operations: int | None = None) -> dict[str, Any]:
    """Return a verdict as the result that is printed and saved."""
    result: dict[str, Any] = {
        "valid": verdict.valid,
        "anomalies": [anomaly.to_json() for anomaly in verdict.anomalies],
        "model": model,
        "operations": operations,
        "command": command,
        "environment": environment(Path()),
    }
    return result | ({"reason": verdict.reason} if verdict.reason else {})
