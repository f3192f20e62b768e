"""Whether an error says that the disk has no room, by its numbers and not by its words."""

from __future__ import annotations

import errno
from typing import Final

_NUMBERS: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_SQLITE_FULL: Final = 13  # the same as `sqlite3.SQLITE_FULL`; the library need not be there


def no_space(error: BaseException | None) -> bool:
    """Return whether an error, or one that it came of or wraps (SQLAlchemy's `orig`), says so."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        each = pending.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        if isinstance(each, OSError) and each.errno in _NUMBERS:
            return True
        if getattr(each, "sqlite_errorcode", None) == _SQLITE_FULL:
            return True
        seen.add(id(each))
        pending += [each.__cause__, each.__context__, getattr(each, "orig", None)]
    return False
