"""Managers: their server serves, and what is asked of an object behind a proxy is a step on that object."""

from __future__ import annotations

from .telling import as_told, is_quiet, named_by_line, serving, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any, Final

_PLAIN: Final = ("dict", "list", "Namespace", "Value", "Array")
_READS: Final = frozenset(
    [
        "__getitem__",
        "get",
        "keys",
        "values",
        "items",
        "__len__",
        "__contains__",
        "copy",
        "index",
        "count",
        "__getattribute__",
        "__iter__",
        "__str__",
        "__repr__",
        "#GETVALUE",
        "__add__",
        "__mul__",
        "__rmul__",
        "__reversed__",
        "__or__",
        "__ror__",
    ]
)
_WRITES: Final = frozenset(["__setitem__", "__delitem__", "__setattr__", "__delattr__", "set", "update", "clear"])
_APPENDS: Final = frozenset(["append", "extend", "insert", "__iadd__"])
_OTHERS: Final = {
    "put": "send",
    "put_nowait": "send",
    "get": "receive",
    "get_nowait": "receive",
    "set": "set",
    "clear": "clear",
    "is_set": "read",
    "qsize": "read",
    "empty": "read",
    "full": "read",
    "acquire": "acquire",
    "release": "release",
}
_KEYED: Final = {
    "dict": frozenset(["__getitem__", "get", "__setitem__", "__delitem__", "__contains__", "pop", "setdefault"]),
    "list": frozenset({"__getitem__", "__setitem__"}),
    "Array": frozenset({"__getitem__", "__setitem__"}),
    "Namespace": frozenset({"__getattribute__", "__setattr__", "__delattr__"}),
}
"""The methods that concern one part of an object, which their first argument says."""
_SYNCHRONIZERS: Final = ("Queue", "JoinableQueue", "Event", "Lock", "RLock", "Semaphore", "BoundedSemaphore")
_LOCKS: Final = {"Lock": "lock", "RLock": "rlock"}


def patch(module: Any) -> None:
    """Have managers tell of their servers and of what they make, and proxies of what they ask."""
    _patch_serving(module.BaseManager)
    _patch_proxy(module.BaseProxy)


def _patch_serving(manager: Any) -> None:
    start, create = manager.start, manager._create
    manager._run_server = classmethod(serving(manager._run_server.__func__))

    @wraps(start)
    def start_told(self: Any, *arguments: Any, **named: Any) -> None:
        if self._state.value == 0:
            tell("server", "process")
        start(self, *arguments, **named)

    @wraps(create)
    def create_told(self: Any, typeid: str, /, *arguments: Any, **named: Any) -> Any:
        token, exposed = create(self, typeid, *arguments, **named)
        if not is_quiet():
            tell("refer", _identity(token), named_by_line(typeid))
        return token, exposed

    manager.start, manager._create = start_told, create_told


def _patch_proxy(proxy: Any) -> None:
    call = proxy._callmethod

    @wraps(call)
    def call_told(self: Any, methodname: str, args: Any = (), kwds: Any = {}) -> Any:  # noqa: B006 - as it is there
        if self._owned_by_manager or is_quiet():
            return call(self, methodname, args, kwds)
        mine = _identity(self._token)
        fields = _fields(self._token.typeid, mine, methodname, args)
        answer = as_told(fields, lambda told: call(self, methodname, args, kwds) if told or not fields[5] else False)
        if isinstance(answer, proxy):
            tell("same", _identity(answer._token), mine)
        return answer

    proxy._callmethod = call_told


def _identity(token: Any) -> str:
    return f"{token.id} {token.address}"


def _fields(typeid: str, identity: str, method: str, arguments: Any) -> tuple[object, ...]:
    action = _action(typeid, method)
    needs, timeout = "", ""
    if action == "acquire" and typeid in _LOCKS:
        blocking, *limit = (*arguments, True)[: max(1, len(arguments))]
        needs = _LOCKS[typeid] if blocking else f"try{_LOCKS[typeid]}"
        timeout = str(limit[0]) if blocking and limit and limit[0] is not None else ""
    elif action == "release" and typeid in _LOCKS:
        needs = "release"
    return action, "object", identity, _key(typeid, method, arguments), needs, timeout


def _action(typeid: str, method: str) -> str:
    if typeid in _SYNCHRONIZERS:
        return "wait for" if typeid == "Event" and method == "wait" else _OTHERS.get(method, "call")
    if typeid == "Iterator":
        return "read"
    if typeid not in _PLAIN:
        return "call"
    if method in _READS:
        return "read"
    return "write" if method in _WRITES else "append to" if method in _APPENDS else "call"


def _key(typeid: str, method: str, arguments: Any) -> str:
    """Return which part of an object a method concerns; "" if it is the whole."""
    if not arguments or method not in _KEYED.get(typeid, ()):
        return ""
    key = arguments[0]
    if type(key) is int and (key >= 0 or typeid == "dict"):
        return f"[{key}]"
    if type(key) is not str or len(key) > 60:
        return ""
    return f".{key}" if typeid == "Namespace" else f"[{key!r}]"
