"""A Python script, run in a process that was forked from a warm interpreter as a new interpreter would run it."""

from __future__ import annotations

# signal.signal also makes enumerations of its numbers: 40 pages of memory that each process would have to copy
import _signal  # type: ignore[import-not-found]  # has no stubs
import atexit
import builtins
import gc
import multiprocessing.process
import os
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from itertools import takewhile
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, NamedTuple, NoReturn

_INTERRUPTED: Final = -_signal.SIGINT
_FLUSH_FAILED: Final = 120
_mp: Final[Any] = multiprocessing.process  # what it knows of the process has no public names


class Script(NamedTuple):
    """A script: its path, the folder that it imports from, its source, and what that compiles to, if it does."""

    path: str
    folder: str
    source: bytes
    code: CodeType | None


def read_script(file: Path, known: Mapping[str, Script] | None = None) -> Script:
    """Return a script, compiled anew unless it is known as it is; raises OSError if it cannot be read."""
    path, source = str(file), file.read_bytes()
    same = (known or {}).get(path)
    if same and same.source == source:
        return same
    return Script(path, str(file.resolve().parent), source, _compiled(path, source))


def _compiled(path: str, source: bytes) -> CodeType | None:
    try:
        return compile(source, path, "exec", dont_inherit=True)
    except Exception:
        return None  # it is compiled again where its message is to be seen


def run_script(script: Script, argv: Sequence[str]) -> NoReturn:
    """Run a script for a command line such as ("python", "shop.py", "3"), and end the process as Python ends."""
    sys.orig_argv, sys.argv = list(argv), list(argv if argv[0].endswith(".py") else argv[1:])
    if not sys.flags.safe_path:
        sys.path.insert(0, script.folder)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    _mp.ORIGINAL_DIR = str(Path.cwd())
    if "numpy.random" in sys.modules:  # `random` itself draws anew in each process that is forked
        sys.modules["numpy.random"].seed()
    del sys.modules["__main__"]
    main = sys.modules["__main__"] = _main_module(script.path)  # all that come behind it are the script's
    code = _execute(script, main.__dict__)
    del main
    _finish(code)


def _main_module(path: str) -> ModuleType:
    main = ModuleType("__main__")
    values: dict[str, Any] = {"__builtins__": builtins, "__file__": path, "__cached__": None}
    if sys.version_info < (3, 14):  # since then they are made when somebody asks for them
        values = {"__annotations__": {}, **values}
    main.__dict__.update(values, __loader__=SourceFileLoader("__main__", path))
    return main


def _execute(script: Script, names: dict[str, Any]) -> int:
    """Return the exit code of a script, or minus the number of the signal that it ends by."""
    try:
        try:
            exec(script.code or compile(script.source, script.path, "exec", dont_inherit=True), names)  # noqa: S102
        finally:  # before anything is said of an error
            for stream in (sys.stderr, sys.stdout):
                with suppress(Exception):
                    stream.flush()
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException as error:
        inner = error.__traceback__.tb_next if error.__traceback__ else None  # without the frame of this function
        sys.excepthook(type(error), error.with_traceback(inner), inner)
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF
    print(code, file=sys.stderr)
    return 1


def _finish(code: int) -> NoReturn:
    """End as Py_FinalizeEx does: threads, what was left for the exit, streams, then the modules of the script."""
    _attempt(threading._shutdown)  # type: ignore[attr-defined]
    _attempt(atexit._run_exitfuncs)
    flushed = _flush()
    _forget_modules()
    _flush()
    if code == _INTERRUPTED:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        os.kill(os.getpid(), _signal.SIGINT)
    os._exit(code if flushed else _FLUSH_FAILED)


def _flush() -> bool:
    done = [_attempt(each.flush) for each in (sys.stdout, sys.stderr) if not getattr(each, "closed", each is None)]
    return all(done)


def _attempt(act: Callable[[], object]) -> bool:
    try:
        act()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return False
    return True


def _forget_modules() -> None:
    """Let go of what the script's modules hold: a file that was not closed is written out by that."""
    gc.collect()  # after it a file comes before its buffer, and is closed before it below (as in Py_FinalizeEx)
    names = ["__main__", *takewhile(lambda name: name != "__main__", reversed(sys.modules))]
    popped = [sys.modules.pop(name, None) for name in names]
    modules = [weakref.ref(each) for each in popped if isinstance(each, ModuleType)]
    del popped
    gc.collect()
    if threading.active_count() == 1:  # a daemon would meet names that are gone; in a real end it no longer runs
        for module in modules:
            if (kept := module()) is not None:
                kept.__dict__.clear()
        gc.collect()
