"""Documents that are meant to fill the memory of a reader, or to take for ever."""

from __future__ import annotations

import gzip
from collections.abc import Iterable


def json_bombs(wrap: bytes = b"%s", size: int = 16 << 20) -> Iterable[bytes]:
    """Yield texts as large as a reader takes at all, and what makes most of the memory or the time out of them."""
    for piece in (b"{},", b"[],", b'{"a":1},', b'"\\ud83d\\ude00",', b"1,", b"[[1]],", b"1e5,", b"9" * 90 + b","):
        yield wrap % (b"[" + piece * ((size - 100) // len(piece)) + b"1]")
        yield wrap % (b"[" + piece * ((1 << 20) // len(piece)) + b"1]")
    yield wrap % (b"{" + b",".join(b'"%07d":1' % number for number in range(700_000)) + b"}")
    yield wrap % (b"{" + b",".join(b'"%07d":1' % (number % 699_999) for number in range(700_000)) + b"}")
    yield wrap % (b'["' + "\U0001f600".encode() + b"x" * (size - 100) + b'"]')
    yield b"[" * (size - 1)
    yield b'"' + b"x" * (size + 1)
    yield b"9" * (size - 1)


def history_bombs() -> Iterable[bytes]:
    head = b'{"meta": {"model": "counter", "stock": 3}}\n'
    row = b'{"process": %d, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": %d, "return_ns": %d}\n'
    long = b'{"process": 1, "op": "%s", "arg": 1, "result": "ok", "invoke_ns": %d, "return_ns": %d}\n'
    yield gzip.compress(head + b"".join(long % (b"%06d" % n + b"x" * 60_000, n, n + 1) for n in range(0, 8000, 2)), 1)
    yield gzip.compress(head + b" " * (300 << 20), 1)
    yield gzip.compress(b"\n" * (300 << 20), 1)
    yield head + b"".join(row % (n % 7, 10 * n, 10 * n + 1) for n in range(20_000))
    yield head + row.replace(b"1,", b"9" * 5000 + b",") % (1, 2, 3)


def edn_bombs() -> Iterable[bytes]:
    yield from (b"[" * 2000, b"{" * 2000, b"#{" * 1000, b"1" * 9000, b" " * (5 << 20), b"#_" * 2000, b'"' + b"x" * 9000)


def toml_bombs() -> Iterable[bytes]:
    yield b"a = " + b"[" * 100_000
    yield b".".join([b"a"] * 100_000) + b" = 1"
    yield b"[" + b" . ".join([b"'a'"] * 30_000) + b"]"
    yield b"[" + b".".join([b"a" * 81] * 3_000) + b"]"
    yield b"".join(b"[a%d]\n" % number for number in range(20_000))
    yield b"a = " + b"{b=" * 20_000
    yield b"x = " + b"9" * 100_000
    yield b"[tool.ticketlab]\nbuyers = " + b"9" * 4000
    yield b'x = "' + b"y" * (1 << 20) + b'"'


def message_bombs() -> Iterable[bytes]:
    yield from (b"[" * 65536, b"9" * 65536, b"[" + b"1," * 30_000 + b"1]")
