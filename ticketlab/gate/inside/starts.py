"""Processes that the fork server of multiprocessing forks: to have it fork one is one step, with all that is said."""

from __future__ import annotations

from .telling import operation, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


def patch(module: Any) -> None:
    """Have whoever asks the server for a process tell of it."""
    launch = module.Popen._launch

    @wraps(launch)
    def launch_told(self: Any, process_obj: Any) -> None:
        operation(("call", "object", "fork server", "", "", ""), launch, self, process_obj)

    module.Popen._launch = launch_told
