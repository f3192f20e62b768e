"""The filter, run as the kernel runs it: what concerns others is stopped, and what does not never leaves the kernel."""

from __future__ import annotations

import fcntl
import struct
import termios
from typing import Final

import pytest

from ticketlab.gate.filter import LETS_BY, filter_program
from ticketlab.gate.numbers import numbers, supported_machine

MACHINE: Final = supported_machine()
NUMBERS: Final = numbers(MACHINE.column)
ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000


def verdict(number: int, *arguments: int, audit: int = MACHINE.audit) -> int:
    """Run the filter on a call, as described in the kernel's documentation of classic BPF."""
    data = struct.pack("IIQ6Q", number, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    program = list(struct.iter_unpack("HBBI", filter_program()))
    place = accumulator = 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("I", data, value)
            case 0x54:
                accumulator &= value
            case 0x15:
                place += if_true if accumulator == value else if_false
            case 0x25:
                place += if_true if accumulator > value else if_false
            case 0x45:
                place += if_true if accumulator & value else if_false
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(code)


def test_every_call_of_the_table_is_stopped_with_some_arguments_and_no_other_is() -> None:
    special = {
        "fcntl": (3, fcntl.F_SETLK),
        "ioctl": (3, termios.FIONREAD),
        "mmap": (0, 4096, 3, 1),
        "prctl": (1, 9),
        "setsockopt": (3, 1, 20),
        "rt_sigaction": (1, 1 << 40),
        "rt_sigprocmask": (0, 1),
    }
    for name, number in NUMBERS.items():
        assert verdict(number, *special.get(name, ())) == NOTIFY, name
    for number in set(range(600)) - set(NUMBERS.values()):
        assert verdict(number) == ALLOW, number


def test_a_call_by_a_number_of_x32_is_stopped() -> None:
    assert verdict(0x40000000 | NUMBERS["read"]) == NOTIFY


def test_a_call_of_another_kind_of_processor_is_stopped() -> None:
    assert verdict(39, audit=MACHINE.audit ^ 1) == NOTIFY


@pytest.mark.parametrize(
    ("name", "arguments", "stops"),
    [
        ("fcntl", (3, fcntl.F_GETFD), False),
        ("fcntl", (3, fcntl.F_SETLKW), True),
        ("futex", (1 << 40, 128), False),
        ("futex", (1 << 40, 0), True),
        ("mmap", (0, 4096, 3, 0x22), False),
        ("mmap", (0, 4096, 1, 0x21), True),
        ("mmap", (0, 4096, 3, 0x21), True),
        ("mmap", (0, 4096, 1, 2), True),
        ("rt_sigaction", (1, 0), False),
        ("rt_sigprocmask", (0, 0), False),
        ("ioctl", (3, termios.TCGETS), False),
        ("ioctl", (3, termios.FIONBIO), True),
        ("prctl", (15, 1), False),
        ("sendmsg", (3, 0, LETS_BY), False),
    ],
)
def test_harmless_arguments_are_let_by(name: str, arguments: tuple[int, ...], stops: bool) -> None:
    assert verdict(NUMBERS[name], *arguments) == (NOTIFY if stops else ALLOW)
