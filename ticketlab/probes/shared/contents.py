"""What the objects in a manager's server hold, as a text by which two runs are compared."""

from __future__ import annotations

from typing import Any


def content_text(value: Any, within: frozenset[str] = frozenset()) -> str:
    """Return a text of a value out of a manager's server: the same for the same, whatever the order of a dict.

    In place of a proxy stands what is behind it: the proxy itself is another object each time that it is fetched.
    `within` has the server's names of the proxies that this one is inside of.

    Raises:
        OSError, EOFError: the server has ended.
    """
    from multiprocessing import managers

    if isinstance(value, managers.BaseProxy):
        proxy: Any = value
        name, kind = proxy._token.id, f"a {proxy._token.typeid}"
        if name in within:
            return kind
        try:
            return content_text(proxy._callmethod("#GETVALUE"), within | {name})
        except managers.RemoteError:  # it cannot be sent, as a lock
            return kind
    if type(value) in (managers.Namespace, managers.Value):  # type: ignore[attr-defined]  # typeshed lacks one
        return f"{type(value).__name__}({content_text(vars(value), within)})"
    if type(value) is dict:
        pairs = sorted(f"{content_text(key, within)}: {content_text(held, within)}" for key, held in value.items())
        return f"{{{', '.join(pairs)}}}"
    if type(value) in (list, tuple):
        return f"{type(value).__name__}({', '.join(content_text(each, within) for each in value)})"
    return repr(value)
