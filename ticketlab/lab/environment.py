"""The environment of a measurement: processor, interpreter, libraries, file system, load."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

import ticketlab
from ticketlab.lab.plugins.entry_points import packages

_LIBRARIES = ("filelock", "sqlalchemy", "hypothesis", "greenlet")


def environment(folder: Path, *, sqlite: bool = True) -> dict[str, Any]:
    """Return what a race whose files stand in `folder` depends on.

    Without `sqlite` that library's version is left out, since it takes a while to load.
    """
    return {
        "ticketlab": ticketlab.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "file_system": _file_system(folder),
    } | _libraries(sqlite)


def _libraries(sqlite: bool) -> dict[str, str]:
    installed = {name: packages()[name].version for name in _LIBRARIES if name in packages()}
    if not sqlite:
        return installed
    import sqlite3

    return {"sqlite": sqlite3.sqlite_version, **installed}


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _file_system(folder: Path) -> str:
    """Return the type of the file system that holds a folder, or "unknown" if the system does not say."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    path = folder.absolute()
    mounts = [(Path(point), kind) for _, point, kind, *_ in (line.split() for line in lines)]
    above = [(len(str(point)), kind) for point, kind in mounts if path.is_relative_to(point)]
    return max(above, default=(0, "unknown"))[1]
