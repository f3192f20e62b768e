"""Files of the user's that the lab imports by mistake, since they have the name of a module that it needs."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path


def shadowing_file() -> Path | None:
    """Return an imported file of the user's that hides an installed module of the same name, or None.

    The user's are the folders that are searched before Python's own, such as that of a function under test.
    """
    own = str(Path(os.__file__).parent)
    folders = sys.path[: sys.path.index(own)] if own in sys.path else []
    installed = sys.path[len(folders) :]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and str(Path(file).parent) in folders and PathFinder.find_spec(name, installed) is not None:
            return Path(file)
    return None
