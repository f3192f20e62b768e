"""What the keeper of a server asks of Linux: not to be root, and to wait for grandchildren."""

from __future__ import annotations

import ctypes
import os
import pwd
from pathlib import Path
from typing import Final

from ticketlab.core.errors import TicketlabError

_PR_SET_CHILD_SUBREAPER: Final = 36
_CLONE_NEWUSER: Final = 0x10000000
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Have processes whose parent dies become children of the calling process."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def as_ordinary_user(folder: Path) -> None:
    """Stop being root, if the calling process is; `folder` is then the ordinary user's.

    In a user namespace the process has another number and still owns root's files, so that a server may stand in a
    folder that only root can read. Where the kernel allows no such namespace, it becomes the other user altogether.

    Raises:
        TicketlabError: the machine has no other user.
    """
    if os.geteuid() != 0:
        return
    other = next((each for each in pwd.getpwall() if each.pw_uid != 0), None)
    if other is None:
        raise TicketlabError("it refuses to run as root, and this machine has no other user")
    if _LIBC.unshare(_CLONE_NEWUSER) == 0:
        own = Path("/proc/self")
        (own / "setgroups").write_text("deny")
        (own / "uid_map").write_text(f"{other.pw_uid} 0 1")
        (own / "gid_map").write_text(f"{other.pw_gid} 0 1")
        return
    os.chown(folder, other.pw_uid, other.pw_gid)
    os.setgroups([])
    os.setgid(other.pw_gid)
    os.setuid(other.pw_uid)
