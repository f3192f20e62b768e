"""What the scripts of a program import, imported once: a process that is forked afterwards has it already.

Only modules of the standard library and of site-packages are imported, never those of the user, whose code has to run
anew in each execution. A module that does more at its import than to define names is none of the lab's business
either: it is found out, and left to the scripts.
"""

from __future__ import annotations

import ast
import io
import os
import signal
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

_ALWAYS: Final = (
    *("json", "random", "time", "traceback", "linecache", "tokenize", "threading", "queue", "subprocess", "tempfile"),
    *("multiprocessing", "multiprocessing.context", "multiprocessing.process", "multiprocessing.popen_fork"),
    *("multiprocessing.synchronize", "multiprocessing.queues", "multiprocessing.connection", "multiprocessing.util"),
    *("multiprocessing.managers", "multiprocessing.pool", "multiprocessing.sharedctypes", "multiprocessing.heap"),
    *("multiprocessing.resource_tracker", "multiprocessing.resource_sharer", "multiprocessing.shared_memory"),
    *("multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver", "multiprocessing.forkserver"),
)


class Import(NamedTuple):
    """An import statement: a module, and the names that are taken from it."""

    module: str
    names: tuple[str, ...] = ()


def imports_of(scripts: Sequence[Path]) -> list[Import]:
    """Return what scripts and the modules beside them import, and what Python programs with processes always import."""
    found = dict.fromkeys(map(Import, _ALWAYS))
    for script in scripts:
        found.update(dict.fromkeys(_followed(script)))
    return list(found)


def _followed(script: Path) -> Iterator[Import]:
    folder, waiting, seen = script.resolve().parent, [script.resolve()], set[Path]()
    while waiting:
        if (file := waiting.pop()) in seen:
            continue
        seen.add(file)
        for each in _statements(file, folder):
            beside = list(_files(folder, each))
            waiting += beside
            if not beside:
                yield each


def _statements(file: Path, folder: Path) -> Iterator[Import]:
    with suppress(OSError, SyntaxError, ValueError):  # the script itself will say so
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (Import(alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = file.parent.relative_to(folder).parts
                above = package[: len(package) + 1 - node.level] if node.level else ()
                module = ".".join([*above, *([node.module] if node.module else [])])
                if module:
                    yield Import(module, tuple(alias.name for alias in node.names))


def _files(folder: Path, statement: Import) -> Iterator[Path]:
    """Yield the files in a folder that an import executes."""
    names = statement.module.split(".")
    packages = [folder.joinpath(*names[:length]) for length in range(1, len(names) + 1)]
    for each in (*packages, *(packages[-1] / name for name in statement.names)):
        yield from (file for file in (each.with_suffix(".py"), each / "__init__.py") if file.is_file())


def load(statements: Sequence[Import], passed_over: Sequence[str]) -> str | None:
    """Import all that belongs to no user; return the first module that did more than to define names, or None.

    Nothing undoes an import: the caller has to begin again in a new process, and pass that module over.
    """
    before = _traces()
    for each in statements:
        if each.module not in passed_over and _is_of_a_library(each.module):
            printed = io.StringIO()
            with redirect_stdout(printed), redirect_stderr(printed), suppress(Exception, SystemExit):
                __import__(each.module, fromlist=each.names)
            if printed.getvalue() or _traces() != before:
                return each.module
    return None


def _is_of_a_library(module: str) -> bool:
    with suppress(ImportError, ValueError):
        spec = find_spec(module.partition(".")[0])
        paths = sysconfig.get_paths()
        libraries = tuple(f"{paths[each]}/" for each in ("stdlib", "platstdlib", "purelib", "platlib"))
        return spec is not None and (spec.origin in ("built-in", "frozen") or (spec.origin or "").startswith(libraries))
    return False


def _traces() -> object:
    """Return what an import changes if it does more than to define names."""
    handlers = [signal.getsignal(each) for each in signal.valid_signals()]
    opened, threads = (len(list(Path("/proc/self", each).iterdir())) for each in ("fd", "task"))
    return handlers, opened, threads, dict(os.environ), Path.cwd()
