"""What runs inside the Python processes of a program: it tells the gate what only a process itself knows.

These modules may be loaded by any interpreter that the program starts, where the rest of the lab is not to be found:
so they import each other relatively, and nothing but the standard library.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any, Final

_MODULES: Final = {
    "multiprocessing.synchronize": "locks",
    "multiprocessing.queues": "queues",
    "multiprocessing.sharedctypes": "values",
    "multiprocessing.managers": "managers",
    "multiprocessing.util": "helpers",
    "multiprocessing.resource_tracker": "helpers",
    "multiprocessing.popen_forkserver": "starts",
    "datetime": "dates",
    "threading": "threads",
    "signal": "signals",
    "sqlite3.dbapi2": "sql",
}
"""Modules of the standard library, and the module here that has them tell."""


class _Loader:
    """Loads a module of the standard library, and then has it tell."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        _patch(module)


class _Finder:
    """Finds the modules that are to tell where all others find them."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in _MODULES:
            return None
        others = (each for each in sys.meta_path if each is not self)
        spec = next((spec for each in others if (spec := each.find_spec(name, path, target)) is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]  # has what is needed of a loader
        return spec


def _module(name: str) -> Any:
    return __import__(f"{__name__}.{name}", fromlist=["patch"])


def _patch(module: Any) -> None:
    try:  # noqa: SIM105 - contextlib would have to be imported
        _module(_MODULES[module.__name__]).patch(module)
    except (AttributeError, ImportError):
        pass  # another Python: what it does is seen all the same, with plainer names


def begin_telling() -> None:
    """Have this process tell from now on; modules that are not imported yet will as soon as they are."""
    _module("clock").patch()
    for name in _MODULES:
        if name in sys.modules:
            _patch(sys.modules[name])
    sys.meta_path.insert(0, _Finder())
