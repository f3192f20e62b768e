"""Threads: whoever has waited for others in vain, for so long, finds by its clock that this time has passed."""

from __future__ import annotations

from .telling import is_quiet, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


def patch(module: Any) -> None:
    """Have conditions, by which all that waits for a time in `threading` and `queue` waits, tell of waits in vain."""
    wait = module.Condition.wait

    @wraps(wait)
    def waits(self: Any, timeout: float | None = None) -> bool:
        came = bool(wait(self, timeout))
        if not came and timeout is not None and timeout > 0 and not is_quiet():
            tell("sleep", timeout)
        return came

    module.Condition.wait = waits
