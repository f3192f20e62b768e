"""Connections to Dask clusters: one that runs already, by the address of its scheduler, or one that is started here."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.system.lifeline import signals_blocked

if TYPE_CHECKING:
    from distributed import Client

LOCAL: Final = "local:"
_PATIENCE: Final = "20s"


def lab_version() -> str:
    """Return the version of the lab, as the process knows it that asks."""
    return version("ticketlab")


@contextmanager
def connected(cluster: str) -> Iterator[Client]:
    """Connect to a cluster, given as tcp://HOST:PORT, or as local:N for one of N workers that lasts for the context.

    Raises:
        UsageError: the text names no cluster, or the extra is missing.
        TicketlabError: the scheduler cannot be reached, has no workers, or these cannot run the lab.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError("--cluster needs Dask: pip install 'ticketlab[cluster]'") from error
    number = cluster.removeprefix(LOCAL)
    local = cluster.startswith(LOCAL)
    if (local and not (number.isdigit() and int(number))) or not (local or "://" in cluster):
        raise UsageError(
            f"--cluster {cluster!r} is neither local:N, such as local:4, nor an address, such as tcp://host:8786"
        )
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # its errors are told in one line, by the lab
    with ExitStack() as stack:
        where: Any = cluster
        if local:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ticketlab-cluster-"))
            resource_tracker.ensure_running()  # as it starts, it unblocks the signals
            with signals_blocked():  # in the workers too: they would print where a Ctrl-C met them
                started = LocalCluster(
                    n_workers=int(number),
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    local_directory=folder,
                    scheduler_kwargs={"local_directory": folder},
                    silence_logs=logging.CRITICAL,
                )
                where = stack.enter_context(started)
        try:
            client = stack.enter_context(Client(where, timeout=_PATIENCE, set_as_default=False))
        except (OSError, ValueError, TimeoutError) as error:
            raise TicketlabError(f"cannot reach the scheduler of --cluster {cluster}: {error}") from error
        _check(client, cluster)
        yield client


def _check(client: Client, cluster: str) -> None:
    """Raise TicketlabError unless there are workers, each with this version of the lab."""
    threads = client.nthreads()
    if not threads:
        raise TicketlabError(f"the scheduler of --cluster {cluster} has no workers (start some: dask worker {cluster})")
    try:
        versions: Mapping[str, str] = client.run(lab_version)
    except Exception as error:
        raise TicketlabError(f"the workers of --cluster {cluster} have no ticketlab: {error}") from error
    mine = lab_version()
    for worker, theirs in versions.items():
        if theirs != mine:
            raise TicketlabError(f"worker {worker} has ticketlab {theirs}, and this is {mine}: install the same there")
