"""Runs and baselines: the results that are kept.

A run is a folder `.ticketlab/runs/<UTC time>-<name>/` with `result.json` and other files of the run; `latest` is a link
to the newest. The folder and the link are written under other names and then renamed: so readers see a whole run or
none. A lock lets only one lab at a time save or remove runs; its holder removes the half-written folders of labs that
were killed. The oldest runs are removed when there are more than shall be kept.

A baseline is a result that a user named, `.ticketlab/baselines/<name>.json`; it stays until the user removes it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import IO, Any, Final

from ticketlab.core.errors import TicketlabError, UsageError, unknown_name
from ticketlab.lab.artifacts.files import locked, tidy, write_file
from ticketlab.lab.artifacts.result_files import RESULT, read_document

RUNS: Final = Path(".ticketlab") / "runs"
BASELINES: Final = Path(".ticketlab") / "baselines"
LATEST_LINK: Final = "latest"
KEEP: Final = 50
_RUN: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[\w.-]+")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NEW: Final = ".new-"

Write = Callable[[IO[str]], None]


def save_run(
    document: Mapping[str, Any],
    name: str,
    *,
    others: Mapping[str, Write] | None = None,
    keep: int = KEEP,
    root: Path = RUNS,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Path:
    """Keep a result, with `others` (files by name) beside it, as the latest run; return its folder.

    Raises:
        TicketlabError: it could not be written; nothing of it is left.
    """
    try:
        with _alone(root):
            new = Path(tempfile.mkdtemp(prefix=_NEW, dir=root))
            try:
                for file, write in {RESULT: _json(document), **(others or {})}.items():
                    with (new / file).open("w", encoding="utf-8", errors="backslashreplace") as out:
                        write(out)
                        out.flush()
                        os.fsync(out.fileno())
                new.chmod(0o755)
                folder = _free(root, f"{now():%Y-%m-%dT%H-%M-%SZ}-{tidy(name)}")
                new.rename(folder)
            finally:
                shutil.rmtree(new, ignore_errors=True)
            _point(root / LATEST_LINK, folder.name)
            _prune(root, keep, spare=folder)
    except OSError as error:
        raise TicketlabError(f"cannot keep the run in {root}: {error.strerror or error}") from None
    return folder


def runs(root: Path = RUNS) -> list[Path]:
    """Return the folders of all runs, the oldest first."""
    found = (path for path in root.glob("*") if _RUN.fullmatch(path.name) and not path.is_symlink())
    return sorted(found, key=lambda path: (path.name[:20], _changed_ns(path), path.name))


def prune(keep: int, root: Path = RUNS) -> list[Path]:
    """Remove all but the newest `keep` runs, and return the folders that were removed."""
    if not root.is_dir():
        return []
    try:
        with _alone(root):
            return _prune(root, keep)
    except OSError as error:
        raise TicketlabError(f"cannot remove runs from {root}: {error.strerror or error}") from None


def check_baseline(name: str, *, force: bool, root: Path = BASELINES) -> None:
    """Raise UsageError if a baseline cannot be saved under this name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"--save {name!r}: a baseline's name has letters, digits, - and _, and begins with a letter or a digit"
        )
    if (root / f"{name}.json").exists() and not force:
        raise UsageError(f"baseline {name!r} exists already: choose another name, or add --force to replace it")


def save_baseline(document: Mapping[str, Any], name: str, *, force: bool, root: Path = BASELINES) -> Path:
    """Keep a result as a baseline, and return its file."""
    check_baseline(name, force=force, root=root)
    path = root / f"{name}.json"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TicketlabError(f"cannot keep the baseline {path}: {error.strerror or error}") from None
    write_file(path, _json(document), force=force, into_streams=False)
    return path


def baselines(root: Path = BASELINES) -> list[Path]:
    """Return the files of all baselines, by name."""
    return sorted(path for path in root.glob("*.json") if _NAME.fullmatch(path.stem))


def load_baseline(name: str, root: Path = BASELINES) -> dict[str, Any]:
    """Read a baseline by its name, or any saved comparison by the path of its file or its folder.

    Raises:
        UsageError: there is no such baseline, it cannot be read, or it is not a comparison.
    """
    path = root / f"{name}.json"
    if not _NAME.fullmatch(name) or not path.exists():
        path = Path(name)
        if not _exists(path):
            known = [each.stem for each in baselines(root)]
            if not known:
                raise UsageError(f"there is no baseline {name!r}: save one with --save {name}")
            raise unknown_name("baseline", name, known)
    found = read_document(path)
    if found["kind"] != "comparison":
        raise UsageError(f"{path} is a result of kind {found['kind']}: only a comparison can be a baseline")
    return found


def named(path: Path, runs: Path = RUNS, lines: Path = BASELINES) -> Path:
    """Return the path of what a user names: a file or folder, else a run or a baseline by its name alone."""
    kept = [runs / path.name, lines / f"{path.name}.json"] if path.name == str(path) else []
    return next((each for each in (path, *kept) if _exists(each)), path)


def _exists(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.exists()
    return False


def _json(document: Mapping[str, Any]) -> Write:
    def write(file: IO[str]) -> None:
        # Encoded at once: indenting, or writing piece by piece, takes ten times as long.
        file.write(json.dumps(document, ensure_ascii=False, allow_nan=False))
        file.write("\n")

    return write


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the folder's lock, and remove the half-written folders of labs that were killed."""
    root.mkdir(parents=True, exist_ok=True)
    with locked(root / ".lock"):
        for left in root.glob(f"{_NEW}*"):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        yield


def _free(root: Path, name: str) -> Path:
    """Return a path that is not taken: runs of the same second and name get a number."""
    names = (name if number == 1 else f"{name}.{number}" for number in count(1))
    return next(root / each for each in names if not (root / each).exists())


def _changed_ns(path: Path) -> int:
    """Return when a folder was last written, which orders the runs of one second; 0 if it is gone by now."""
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def _point(link: Path, target: str) -> None:
    new = link.with_name(f"{_NEW}{LATEST_LINK}")
    new.symlink_to(target)
    try:
        new.replace(link)
    except OSError:
        new.unlink()
        raise


def _prune(root: Path, keep: int, spare: Path | None = None) -> list[Path]:
    found = runs(root)
    old = [path for path in found[: max(0, len(found) - keep)] if path != spare]
    for path in old:
        with suppress(OSError):
            shutil.rmtree(path)
    return old
