"""Unix sockets, whose addresses are paths that must be short."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from ticketlab.core.errors import UsageError

_LONGEST: Final = 107
"""Bytes of a path that `sun_path` has room for."""

_PREFIX: Final = "ticketlab-socket-"

_ADDED: Final = len("/pymp-12345678/listener-12345678")
"""What multiprocessing adds to the folder of temporary files in the address of a manager or a fork server."""


def socket_path(folder: Path, name: str) -> Path:
    """Return a path for a socket: in the folder or, if that path is too long for a socket, in a new temporary folder.

    Raises UsageError if the folder of temporary files has too long a path as well.
    """
    path = folder.absolute() / name
    if len(os.fsencode(path)) <= _LONGEST:
        return path
    require_room_for_address()
    return Path(tempfile.mkdtemp(prefix=_PREFIX)) / name


def remove_socket(path: Path) -> None:
    """Remove a socket, if it is still there, and the folder that was made for it."""
    path.unlink(missing_ok=True)
    if path.parent.name.startswith(_PREFIX):
        path.parent.rmdir()


def require_room_for_address() -> None:
    """Raise UsageError if multiprocessing cannot make a Unix socket in the folder of temporary files."""
    folder = tempfile.gettempdir()
    length, most = len(os.fsencode(folder)), _LONGEST - _ADDED
    if length > most:
        raise UsageError(
            f"the folder of temporary files {folder} has a path of {length} bytes, and with more than {most} there "
            "is no room for the address of a Unix socket in it: set TMPDIR to a shorter one"
        )
