"""Which workers do the jobs, from what a command line says."""

from __future__ import annotations

import os

from ticketlab.core.errors import UsageError
from ticketlab.lab.workers.workers import Workers


def chosen_workers(workers: int | None, cluster: str | None) -> Workers | None:
    """Return processes of this machine, or the workers of a cluster; None if neither is named.

    Raises:
        UsageError: both are named.
    """
    if cluster is not None:
        if workers is not None:
            raise UsageError("--workers are processes of this machine, and --cluster names others: leave one out")
        from ticketlab.lab.workers.cluster import ClusterWorkers

        return ClusterWorkers(cluster)
    if workers is None or workers == 1:
        return None
    from ticketlab.lab.workers.pool import ProcessWorkers

    return ProcessWorkers(workers)


def workers_of_table(workers: int | None, cluster: str | None) -> Workers:
    """Return who works out the rows of a table: processes of this machine, by default one for each core, or a cluster.

    Raises:
        UsageError: both are named.
    """
    from ticketlab.lab.workers.pool import ProcessWorkers

    return chosen_workers(workers, cluster) or ProcessWorkers(workers or len(os.sched_getaffinity(0)))
