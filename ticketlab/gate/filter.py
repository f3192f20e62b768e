"""The seccomp filter: which calls stop their thread, decided in the kernel by number and arguments (seccomp(2))."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from ticketlab.core.errors import TicketlabError
from ticketlab.gate.numbers import numbers, supported_machine

LETS_BY: Final = 0x40000000
"""A sendmsg with this flag, which means nothing there, is not stopped: so the listener leaves the process it is of."""

_LOAD, _AND, _JUMP_EQUAL, _JUMP_SET, _JUMP_ABOVE, _RETURN = 0x20, 0x54, 0x15, 0x45, 0x25, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_HIGHEST: Final = 0x3FFFFFFF
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 8, 32
_PR_SET_NO_NEW_PRIVS: Final = 38

_PRIVATE_FUTEX: Final = 128
_MAP_SHARED, _MAP_ANONYMOUS = 1, 32
_STOPPED_COMMANDS: Final = {
    "fcntl": (
        *(5, 6, 7, 36, 37, 38),  # F_GETLK to F_SETLKW, and F_OFD_GETLK to F_OFD_SETLKW
        *(3, 4, 8, 10, 15),  # F_GETFL, F_SETFL, F_SETOWN, F_SETSIG, F_SETOWN_EX
        *(1024, 1026, 1031, 1033, 1034),  # F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS
    ),
    "ioctl": (
        *(
            0x541B,
            0x5411,
            0x5421,
            0x5452,
            0x8901,
            0x8902,
        ),  # FIONREAD, TIOCOUTQ, FIONBIO, FIOASYNC, FIOSETOWN, SIOCSPGRP
        *(0x40049409, 0x4020940D, 0xC0189436),  # FICLONE, FICLONERANGE, FIDEDUPERANGE
        *(0x40086602, 0x401C5820),  # FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR
    ),
}
"""Commands that others may notice; all others say or change nothing that they share. isatty(3) is no such command."""
_STOPPED_OPTIONS: Final = {
    "prctl": (0, (1, 36)),  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER
    "setsockopt": (2, (20, 21, 66, 67)),  # SO_RCVTIMEO and SO_SNDTIMEO
}
"""Where the option of a call stands, and which ones others may notice."""


class _Instruction(NamedTuple):
    """One instruction; where a jump leads is given by a label's name."""

    code: int
    value: int
    if_true: str = ""
    if_false: str = ""


def _argument(place: int, *, upper_half: bool = False) -> _Instruction:
    return _Instruction(_LOAD, _FIRST_ARGUMENT + 8 * place + 4 * upper_half)


def _one_of(place: int, values: Sequence[int]) -> list[_Instruction]:
    """Return the look at an argument that stops a call for some values."""
    return [
        _argument(place),
        *(_Instruction(_JUMP_EQUAL, each, "notify") for each in values),
        _Instruction(_JUMP_EQUAL, 0xFFFFFFFF, "allow", "allow"),
    ]


def _given(place: int) -> list[_Instruction]:
    """Return the look at an argument that stops a call unless this address is none: then it only asks."""
    return [
        _argument(place),
        _Instruction(_JUMP_EQUAL, 0, "", "notify"),
        _argument(place, upper_half=True),
        _Instruction(_JUMP_EQUAL, 0, "allow", "notify"),
    ]


def _by_arguments(known: dict[str, int]) -> dict[int, list[_Instruction]]:
    """Return for each call that is stopped only with certain arguments how these are looked at."""
    return {
        known["futex"]: [_argument(1), _Instruction(_JUMP_SET, _PRIVATE_FUTEX, "allow", "notify")],
        known["mmap"]: [
            _argument(3),
            _Instruction(_JUMP_SET, _MAP_ANONYMOUS, "", "notify"),  # a file, which others may change
            _Instruction(_JUMP_SET, _MAP_SHARED, "notify", "allow"),  # mprotect(2) may let it be written later
        ],
        known["rt_sigaction"]: _given(1),
        known["rt_sigprocmask"]: _given(1),
        **{known[name]: _one_of(1, commands) for name, commands in _STOPPED_COMMANDS.items()},
        **{known[name]: _one_of(place, options) for name, (place, options) in _STOPPED_OPTIONS.items()},
        known["sendmsg"]: [_argument(2), _Instruction(_JUMP_SET, LETS_BY, "allow", "notify")],
    }


@cache
def filter_program(only: frozenset[str] = frozenset()) -> bytes:
    """Return the filter as the kernel takes it: struct sock_filter, one after another; `only` these calls are stopped.

    If none is named, all that the gate knows are.
    """
    machine = supported_machine()
    known = numbers(machine.column)
    special = _by_arguments(known)
    if only:
        stopped = {known[name] for name in only | {"sendmsg"} if name in known}
        known = {name: number for name, number in known.items() if number in stopped}
        special = {number: look for number, look in special.items() if number in stopped}
    looks = [
        (f"call {number}" if place == 0 else "", look)
        for number, looks in special.items()
        for place, look in enumerate(looks)
    ]
    code: list[tuple[str, _Instruction]] = [
        ("", _Instruction(_LOAD, _ARCHITECTURE)),
        ("", _Instruction(_JUMP_EQUAL, machine.audit, "", "notify")),
        ("", _Instruction(_LOAD, _NUMBER)),
        *(("", _Instruction(_JUMP_EQUAL, number, f"call {number}")) for number in special),
        ("", _Instruction(_JUMP_EQUAL, 0xFFFFFFFF, "others", "others")),
        *looks,  # before the long list, since no jump leads further than 255 instructions
        ("allow", _Instruction(_RETURN, _ALLOW)),
        ("notify", _Instruction(_RETURN, _NOTIFY)),
        ("others", _Instruction(_JUMP_ABOVE, _HIGHEST, "notify at last")),  # the same calls by other numbers: x32
    ]
    others = [each for each in sorted(known.values()) if each not in special]
    code += [("", _Instruction(_JUMP_EQUAL, each, "notify at last")) for each in others]
    code += [("", _Instruction(_RETURN, _ALLOW)), ("notify at last", _Instruction(_RETURN, _NOTIFY))]
    return _assembled(code)


def _assembled(code: Sequence[tuple[str, _Instruction]]) -> bytes:
    places = {label: place for place, (label, _) in enumerate(code) if label}

    def distance(label: str, place: int) -> int:
        return places[label] - place - 1 if label else 0

    return b"".join(
        struct.pack("HBBI", one.code, distance(one.if_true, place), distance(one.if_false, place), one.value)
        for place, (_, one) in enumerate(code)
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install(only: frozenset[str] = frozenset()) -> int:
    """Have the kernel stop this process and all that it starts from now on; return the listener's descriptor.

    `only` these calls are stopped or, if none is named, all that the gate knows.

    Raises TicketlabError if the kernel does not let processes be stopped, as in some containers.
    """
    program = filter_program(only)
    buffer = ctypes.create_string_buffer(program, len(program))
    argument = _Program(len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for flags in (_NEW_LISTENER | _WAIT_KILLABLE, _NEW_LISTENER):
        listener: int = libc.syscall(_SECCOMP[os.uname().machine], _SET_MODE_FILTER, flags, ctypes.byref(argument))
        if listener >= 0:
            return listener
    reason = os.strerror(ctypes.get_errno())
    raise TicketlabError(
        f"the kernel does not let the lab stop calls of programs (seccomp user notification): {reason}"
    )
