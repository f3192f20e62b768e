"""Functions by their import paths: `module:function` or `path/to/file.py:function`, as on the command line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module, invalidate_caches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.servers import names_of, server_named

if TYPE_CHECKING:
    from ticketlab.checker.model import Model

CALLS: Final = ("reset", "invariant", "returned")
SETTINGS: Final = (*CALLS, "serial", "participants", "server")
IN_ONE_PROCESS: Final = ("threads", "tasks")
"""The values of `participants`; without it, each participant is a process."""
FORM: Final = "write module:function, or path/to/file.py:function"


def load_function(text: str) -> Callable[..., Any]:
    """Import a function by its path; the current folder is importable, and so is that of a file.

    Raises:
        UsageError: the path is of another form, or there is no such module or function, or it cannot be imported.
    """
    where, _, name = text.rpartition(":")
    if not where or not name:
        raise UsageError(f"{text!r} does not say where a function is: {FORM}")
    _make_importable(Path.cwd())
    found: Any = _from_file(Path(where)) if where.endswith(".py") else _from_module(where)
    for part in name.split("."):
        known = sorted(each for each, value in vars(found).items() if callable(value) and not each.startswith("_"))
        if not hasattr(found, part):
            raise (
                unknown_name(f"function of {where}", name, known) if known else UsageError(f"{where} has no functions")
            )
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{text} is of the type {type(found).__name__}: a function is needed")
    return found  # type: ignore[no-any-return]


def imported_model(text: str) -> Model | str:
    """Return the model that a plain class is, by its import path; a text that begins with a model's name as it is.

    Raises:
        UsageError: there is no such class, or no objects of it can be made.
    """
    from ticketlab.checker.model import NAMES
    from ticketlab.checker.plain_model import plain_model

    if ":" not in text or text.partition(":")[0] in NAMES:
        return text
    return plain_model(load_function(text), text)


def imported(function: str, processes: int, settings: Mapping[str, Any]) -> PlainFunction:
    """Return a function by its import path, with its settings: what it is judged by, and who the participants are.

    Raises UsageError if one of them cannot be imported, or is unknown.
    """
    for name in settings:
        if name not in SETTINGS:
            raise unknown_name("setting of a function", name, SETTINGS)
    for each in names_of(str(settings.get("server") or "")):
        server_named(each)  # modules look for it as they are imported
    calls: dict[str, Any] = {name: load_function(str(settings[name])) for name in CALLS if settings.get(name)}
    return PlainFunction(
        function=load_function(function),
        processes=processes,
        serial=bool(settings.get("serial")),
        in_tasks=settings.get("participants") == "tasks",
        server=str(settings.get("server") or ""),
        name=function,
        settings={name: value for name, value in settings.items() if value},
        **calls,
    )


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
        invalidate_caches()


def _from_module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _failed(name, error) from None
        raise _unknown_module(error.name) from None
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from None


def _unknown_module(name: str) -> UsageError:
    above, _, _ = name.rpartition(".")
    folders = list(getattr(sys.modules.get(above), "__path__", ())) if above else [str(Path.cwd())]
    known = [f"{above}.{each.name}" if above else each.name for each in iter_modules(folders)]
    if not known:
        return UsageError(f"there is no module {name!r}, and none in {above or Path.cwd()}: {FORM}")
    return unknown_name("module", name, known)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"there is no file {path}: {FORM}")
    whole = path.absolute()
    _make_importable(whole.parent)
    name = whole.stem
    if (loaded := sys.modules.get(name)) is not None:
        if Path(getattr(loaded, "__file__", None) or "") == whole:
            return loaded
        name = ".".join(whole.with_suffix("").parts[1:])
    spec = spec_from_file_location(name, whole)
    assert spec is not None, "it is a Python file"
    assert spec.loader is not None, "and so has a loader"
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _failed(str(path), error) from None
    return module


def _failed(name: str, error: BaseException) -> UsageError:
    """Return that a module cannot be imported, with the line that failed."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames and error.args else ""
    return UsageError(f"cannot import {name}: {type(error).__name__}: {error}{at}")
