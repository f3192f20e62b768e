"""Workers of a Dask cluster."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from ticketlab.lab.artifacts.race_folder import remove_folders_of
from ticketlab.lab.workers.workers import Workers
from ticketlab.launch.machines.cluster import connected
from ticketlab.launch.machines.host import do_apart, end_hosts

T = TypeVar("T")


class ClusterWorkers(Workers):
    """The workers of a Dask cluster, each of which does a job for each of its threads, in a process of its own.

    The cluster itself does a job again whose worker died.
    """

    def __init__(self, cluster: str) -> None:
        super().__init__()
        self._cluster = cluster
        self._lab = uuid.uuid4().hex
        self._jobs: Any = None

    def start(self, call: Callable[..., T], args: tuple[Any, ...]) -> Future[T]:
        """Hand a job to the cluster."""
        future: Future[T] = self._jobs.submit(do_apart, self._lab, call, args)
        return future

    def replace(self) -> None:
        """Go on with the workers that are left; the cluster takes new ones itself."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Connect, and end what jobs have started when all is over."""
        with connected(self._cluster) as client:
            self.size = sum(client.nthreads().values())
            self._jobs = client.get_executor(pure=False)
            try:
                yield
            finally:
                self._jobs.shutdown(wait=False)
                with suppress(Exception):  # a worker that has gone has nothing left to end
                    client.run(end_jobs, self._lab)


def end_jobs(lab: str) -> None:
    """End what a lab's jobs have started beside this process, and remove its folders."""
    remove_folders_of(end_hosts(lab))
