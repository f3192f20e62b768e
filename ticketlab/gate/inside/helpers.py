"""Processes that multiprocessing starts for itself: the tracker of resources, and the server that forks."""

from __future__ import annotations

from .telling import tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any, Final

_SERVANTS: Final = ("from multiprocessing.resource_tracker", "from multiprocessing.forkserver")

_BEFORE: Final = "import sys; "
"""What stands before the server's in Python 3.14."""


def patch(module: Any) -> None:
    """Have it tell which processes only serve others, and have nobody wait for one of them to end."""
    tracker = getattr(module, "ResourceTracker", None)
    if tracker is None:
        _patch_starting(module)
    elif hasattr(tracker, "__del__"):  # since Python 3.13 the end of a process looks again and again whether it has
        tracker.__del__ = lambda _: None


def _patch_starting(module: Any) -> None:
    spawn = module.spawnv_passfds

    @wraps(spawn)
    def spawn_told(path: Any, args: Any, passfds: Any) -> int:
        if any(isinstance(each, str) and each.removeprefix(_BEFORE).startswith(_SERVANTS) for each in args):
            tell("server", "process")
        pid: int = spawn(path, args, passfds)
        return pid

    module.spawnv_passfds = spawn_told
