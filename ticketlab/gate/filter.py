"""The seccomp filter: which calls stop their thread, decided in the kernel by number and arguments (seccomp(2))."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from ticketlab.core.errors import TicketlabError
from ticketlab.gate.numbers import numbers, supported_machine

LETS_BY: Final = 0x40000000
"""A sendmsg with this flag, which means nothing there, is not stopped: so the listener leaves the process it is of."""

_LOAD, _AND, _JUMP_EQUAL, _JUMP_SET, _JUMP_ABOVE, _RETURN = 0x20, 0x54, 0x15, 0x45, 0x25, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 8, 32
_PR_SET_NO_NEW_PRIVS: Final = 38

_PRIVATE_FUTEX: Final = 128
_MAP_SHARED, _MAP_ANONYMOUS, _PROT_WRITE = 1, 32, 2
_SEEK_CUR: Final = 1
_LOCK_COMMANDS: Final = (5, 6, 7, 36, 37, 38)  # F_GETLK to F_SETLKW, and F_OFD_GETLK to F_OFD_SETLKW


class _Instruction(NamedTuple):
    """One instruction; where a jump leads is given by a label's name."""

    code: int
    value: int
    if_true: str = ""
    if_false: str = ""


def _argument(place: int) -> _Instruction:
    return _Instruction(_LOAD, _FIRST_ARGUMENT + 8 * place)


def _by_arguments(known: dict[str, int]) -> dict[int, list[_Instruction]]:
    """Return for each call that is stopped only with certain arguments how these are looked at."""
    return {
        known["futex"]: [_argument(1), _Instruction(_JUMP_SET, _PRIVATE_FUTEX, "allow", "notify")],
        known["fcntl"]: [
            _argument(1),
            *(_Instruction(_JUMP_EQUAL, each, "notify") for each in _LOCK_COMMANDS),
            _Instruction(_JUMP_EQUAL, 0xFFFFFFFF, "allow", "allow"),
        ],
        known["mmap"]: [
            _argument(3),
            _Instruction(_JUMP_SET, _MAP_ANONYMOUS, "", "notify"),  # a file, which others may change
            _Instruction(_JUMP_SET, _MAP_SHARED, "", "allow"),
            _argument(2),
            _Instruction(_JUMP_SET, _PROT_WRITE, "notify", "allow"),
        ],
        known["lseek"]: [  # to ask for the place changes nothing
            _argument(2),
            _Instruction(_JUMP_EQUAL, _SEEK_CUR, "", "notify"),
            _argument(1),
            _Instruction(_JUMP_EQUAL, 0, "allow", "notify"),
        ],
        known["sendmsg"]: [_argument(2), _Instruction(_JUMP_SET, LETS_BY, "allow", "notify")],
    }


def filter_program() -> bytes:
    """Return the filter as the kernel takes it: struct sock_filter, one after another."""
    machine = supported_machine()
    known = numbers(machine.column)
    special = _by_arguments(known)
    code: list[tuple[str, _Instruction]] = [
        ("", _Instruction(_LOAD, _ARCHITECTURE)),
        ("", _Instruction(_JUMP_EQUAL, machine.audit, "", "notify")),
        ("", _Instruction(_LOAD, _NUMBER)),
    ]
    code += [("", _Instruction(_JUMP_EQUAL, number, f"call {number}")) for number in special]
    code += [("", _Instruction(_JUMP_EQUAL, each, "notify")) for each in sorted(known.values()) if each not in special]
    code.append(("", _Instruction(_JUMP_EQUAL, 0xFFFFFFFF, "allow", "allow")))
    for number, looks in special.items():
        code += [(f"call {number}" if place == 0 else "", look) for place, look in enumerate(looks)]
    code += [("allow", _Instruction(_RETURN, _ALLOW)), ("notify", _Instruction(_RETURN, _NOTIFY))]
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


def install() -> int:
    """Have the kernel stop this process and all that it starts from now on; return the listener's descriptor.

    Raises TicketlabError if the kernel does not let processes be stopped, as in some containers.
    """
    program = filter_program()
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
