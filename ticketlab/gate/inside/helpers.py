"""Processes that multiprocessing starts for itself: the tracker of resources, and the server that forks."""

from __future__ import annotations

from .telling import tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any, Final

_SERVANTS: Final = ("from multiprocessing.resource_tracker", "from multiprocessing.forkserver")


def patch(module: Any) -> None:
    """Have it tell which processes only serve others."""
    spawn = module.spawnv_passfds

    @wraps(spawn)
    def spawn_told(path: Any, args: Any, passfds: Any) -> int:
        if any(isinstance(each, str) and each.startswith(_SERVANTS) for each in args):
            tell("server", "process")
        pid: int = spawn(path, args, passfds)
        return pid

    module.spawnv_passfds = spawn_told
