"""The queues of multiprocessing: what is put and got are the steps, and the thread that feeds the pipe serves."""

from __future__ import annotations

from .telling import as_told, in_silence, named_by_line, operation, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any


def patch(module: Any) -> None:
    """Have queues tell of each operation."""
    for each in (module.Queue, module.SimpleQueue):
        _patch_making(each)
    queue = module.Queue
    queue._feed = staticmethod(in_silence(queue._feed))
    _patch_feeding(queue)
    queue.put = _putting(queue.put)
    queue.get = _getting(queue.get)
    for name in ("qsize", "empty", "full"):
        setattr(queue, name, _on_queue(getattr(queue, name), "read"))
    simple = module.SimpleQueue
    simple.empty = _on_queue(simple.empty, "read")
    simple.put = _on_queue(simple.put, "send")
    simple.get = _getting_simply(simple.get)
    joinable = module.JoinableQueue
    joinable.put = _putting(joinable.put)
    joinable.task_done = _on_queue(joinable.task_done, "call")
    joinable.join = _joining(joinable.join)


def _address(queue: Any) -> int:
    address: int = queue._rlock._semlock.handle
    return address


def _pipe(queue: Any) -> str:
    """Return which pipe an operation concerns, by a descriptor of it."""
    end = queue._writer if queue._reader.closed else queue._reader
    return "" if end.closed else f"p{end.fileno()}"


def _patch_making(kind: Any) -> None:
    make = kind.__init__

    @wraps(make)
    def made(self: Any, *arguments: Any, **named: Any) -> None:
        in_silence(make)(self, *arguments, **named)
        tell("name", _address(self), named_by_line(type(self).__name__))

    kind.__init__ = made


def _patch_feeding(queue: Any) -> None:
    start = queue._start_thread

    @wraps(start)
    def start_thread(self: Any) -> None:
        tell("server", "thread")
        start(self)

    queue._start_thread = start_thread


def _putting(put: Callable[..., None]) -> Callable[..., None]:
    @wraps(put)
    def put_told(self: Any, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        waits = block and (timeout is None or timeout > 0)
        needs = f"{_pipe(self)},s{self._sem._semlock.handle}" if waits else _pipe(self)
        fields = ("send", "word", _address(self), "", needs, "" if timeout is None else timeout)
        as_told(fields, lambda told: put(self, obj, block, timeout if told else 0))

    return put_told


def _getting(get: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(get)
    def get_told(self: Any, block: bool = True, timeout: float | None = None) -> Any:
        waits = block and not self._closed and (timeout is None or timeout > 0)
        needs = f"s{_address(self)},r{self._reader.fileno()}" if waits else _pipe(self)
        fields = ("receive", "word", _address(self), "", needs, "" if timeout is None else timeout)
        return as_told(fields, lambda told: get(self, block, timeout if told else 0))

    return get_told


def _getting_simply(get: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(get)
    def get_told(self: Any) -> Any:
        needs = _pipe(self) if self._reader.closed else f"s{_address(self)},r{self._reader.fileno()}"
        return operation(("receive", "word", _address(self), "", needs, ""), get, self)

    return get_told


def _joining(join: Callable[[Any], None]) -> Callable[[Any], None]:
    @wraps(join)
    def join_told(self: Any) -> None:
        needs = f"z{self._unfinished_tasks._semlock.handle}"
        operation(("wait for", "word", _address(self), "", needs, ""), join, self)

    return join_told


def _on_queue(method: Callable[..., Any], action: str) -> Callable[..., Any]:
    @wraps(method)
    def told(self: Any, *arguments: Any) -> Any:
        return operation((action, "word", _address(self), "", _pipe(self), ""), method, self, *arguments)

    return told
