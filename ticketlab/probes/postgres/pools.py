"""SQLAlchemy's pools in processes that are forked: what the parent has opened there is not the child's to use."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from ticketlab.probes.standins import alive

_engines: Final[list[Any]] = []
_owner = [0]


def know_engines() -> None:
    """Take down which engines there are, for processes that will be forked: these cannot look for them."""
    _engines.clear()
    _owner[0] = os.getpid()
    if "sqlalchemy.engine" in sys.modules:
        from sqlalchemy.engine import Engine

        _engines.extend(alive(lambda kind: issubclass(kind, Engine)))


def forget_connections() -> None:
    """Have the engines forget, in a process that was forked, the connections of its parent."""
    for engine in _engines if _owner[0] != os.getpid() else ():
        engine.dispose(close=False)
