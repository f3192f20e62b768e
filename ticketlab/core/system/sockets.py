"""Unix sockets, whose addresses are paths that must be short."""

from __future__ import annotations

import os
import tempfile
from typing import Final

from ticketlab.core.errors import UsageError

_LONGEST: Final = 107
"""Bytes of a path that `sun_path` has room for."""

_ADDED: Final = len("/pymp-12345678/listener-12345678")
"""What multiprocessing adds to the folder of temporary files in the address of a manager or a fork server."""


def require_room_for_address() -> None:
    """Raise UsageError if multiprocessing cannot make a Unix socket in the folder of temporary files."""
    folder = tempfile.gettempdir()
    length, most = len(os.fsencode(folder)), _LONGEST - _ADDED
    if length > most:
        raise UsageError(
            f"the folder of temporary files {folder} has a path of {length} bytes, and with more than {most} there "
            "is no room for the address of a Unix socket in it: set TMPDIR to a shorter one"
        )
