"""Jobs, and the workers that do them, whichever `concurrent.futures.Executor` has these.

A job is a call that depends on nothing but its arguments, so it may be done again: if a worker dies, every job that it
may have had is done once more by another one. Only the result of a job counts, so nothing is counted twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from ticketlab.core.errors import TicketlabError

T = TypeVar("T")
_MOST_DEATHS: Final = 5
"""How many workers may die at one job before the job is taken to be what kills them."""


@dataclass(eq=False)
class WorkerTask(Generic[T]):
    """A job that was handed out."""

    call: Callable[..., T]
    args: tuple[Any, ...]
    future: Future[T]
    deaths: int = 0

    def result(self) -> T:
        """Return what came of the job, which is done; raises what the job raised."""
        return self.future.result()


class Workers(ABC):
    """Do jobs while they are `running`; at its end no worker is left, and nothing that a job has made."""

    size: int
    """How many jobs are done at once."""

    def __init__(self) -> None:
        self._open: set[WorkerTask[Any]] = set()  # whose result is still wanted

    @abstractmethod
    def start(self, call: Callable[..., T], args: tuple[Any, ...]) -> Future[T]:
        """Hand out a job for the first time or again."""

    @abstractmethod
    def replace(self) -> None:
        """Take new workers, since one has died."""

    @abstractmethod
    @contextmanager
    def running(self) -> Iterator[None]:
        """Have workers from the first job to the end; if it ends by an exception, they are ended in their jobs."""

    def submit(self, call: Callable[..., T], *args: Any) -> WorkerTask[T]:
        """Hand out a job."""
        task = WorkerTask(call, args, self.start(call, args))
        self._open.add(task)
        return task

    def drop(self, task: WorkerTask[Any]) -> None:
        """Forget a job whose result nobody wants; if it has begun, it goes on."""
        self._open.discard(task)
        task.future.cancel()

    def wait(self, tasks: Collection[WorkerTask[T]]) -> list[WorkerTask[T]]:
        """Wait until one of the jobs at least is done, and return those that are.

        Raises:
            TicketlabError: workers died, again and again, at one of the jobs.
        """
        while True:
            wait([task.future for task in tasks], return_when=FIRST_COMPLETED)
            done = [task for task in tasks if task.future.done()]
            if not any(_death(task.future) for task in done):
                self._open.difference_update(done)
                return done
            self.replace()
            for task in self._open:
                if not task.future.done():
                    self._again(task)
                elif death := _death(task.future):
                    task.deaths += 1
                    if task.deaths >= _MOST_DEATHS:
                        raise TicketlabError(f"{task.deaths} workers died one after another: {death}")
                    self._again(task)

    def _again(self, task: WorkerTask[Any]) -> None:
        task.future.cancel()
        task.future = self.start(task.call, task.args)


def _death(future: Future[Any]) -> str:
    """Say how the worker of a job that is done died; return an empty string if it did not."""
    try:
        error = future.exception()
    except CancelledError:
        return "the job was cancelled with its worker"
    died = isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"
    return str(error) or type(error).__name__ if died else ""
