"""Signals: a handler that is set may be called from now on, before the process makes another call."""

from __future__ import annotations

from .telling import is_quiet, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


def patch(module: Any) -> None:
    """Have whoever sets a handler tell of it: between two calls nobody sees whether a signal comes before the next."""
    set_handler = module.signal

    @wraps(set_handler)
    def sets(number: int, handler: Any) -> Any:
        before = set_handler(number, handler)
        if not is_quiet():
            tell("handler", int(number))
        return before

    module.signal = sets
