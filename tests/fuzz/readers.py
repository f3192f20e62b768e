"""Fuzz every reader of what strangers may have written: a value or a refusal of one line, soon and in little memory.

    uv run python -m tests.fuzz.readers                        # 1,000,000 inputs over all readers
    uv run python -m tests.fuzz.readers --inputs 20000 --only case --seed 7
    uv run python -m tests.fuzz.readers --coverage 60          # guided by coverage, 60 s a reader (needs atheris)

Inputs are real documents of the lab, damaged in their structure (a value replaced, a key doubled, something nested a
thousand deep) or in their bytes. Each reader works in a process of its own, as the command line would: what is
accepted is also judged, drawn and printed. Exit code 1 if any input led to a traceback, took more than a second of
processor time, or if a reader's process ever took 200 MiB more than it began with.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.fuzz import corpus, document_readers

MOST_SECONDS: Final = 1.0
MOST_MIB: Final = 200
SHOWN: Final = 3


@dataclass(slots=True)
class Tally:
    """What became of one reader's inputs."""

    name: str
    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    tracebacks: int = 0
    slowest_s: float = 0.0
    peak_mib: float = 0.0
    shown: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every input was read or refused, in time and in little memory."""
        return not self.tracebacks and self.slowest_s <= MOST_SECONDS and self.peak_mib <= MOST_MIB

    def feed(self, read: document_readers.Read, path: Path) -> None:
        """Give the reader one input, and see what becomes of it."""
        import click

        from ticketlab.core.errors import TicketlabError

        began = time.process_time()
        try:
            read(path)
        except (TicketlabError, click.ClickException) as refusal:
            said = refusal.format_message() if isinstance(refusal, click.ClickException) else str(refusal)
            if "\n" in said or not said:
                self.complain(path, f"a refusal of several lines, or of none: {said!r}")
            else:
                self.refused += 1
        except Exception:
            self.complain(path, traceback.format_exc())
        else:
            self.accepted += 1
        took = time.process_time() - began
        self.inputs += 1
        if took > self.slowest_s:
            self.slowest_s = took
            if took > MOST_SECONDS and len(self.shown) < SHOWN:
                self.shown.append(f"{took:.1f} s for {path.read_bytes()[:300]!r}")

    def complain(self, path: Path, what: str) -> None:
        """Count an input that was neither read nor refused, and keep the first few."""
        self.tracebacks += 1
        if len(self.shown) < SHOWN:
            self.shown.append(f"{path.read_bytes()[:300]!r}\n{what}")

    def line(self) -> str:
        """Return the reader's line of the table."""
        counts = f"{self.inputs:>10,} {self.accepted:>9,} {self.refused:>10,} {self.tracebacks:>10,}"
        return f"{self.name:10} {counts} {self.slowest_s * 1000:>11,.0f} {self.peak_mib:>8,.0f}"


HEAD: Final = "reader         inputs  accepted    refused tracebacks  slowest ms peak MiB"


def fuzz(reader: corpus.Reader, inputs: int, seed: int) -> Tally:
    """Feed one reader in a process of its own, bombs first."""

    def work() -> Tally:
        tally, draw, path = Tally(reader.name), Random(f"{seed}/{reader.name}"), _input(reader)
        read = reader.open()
        for bomb in sorted(Path("bombs").iterdir()):
            bomb.replace(path)
            tally.feed(read, path)
        for content in reader.documents:
            path.write_bytes(content)
            tally.feed(read, path)
            if tally.accepted == 0:
                tally.complain(path, "the lab's own document was not accepted")
        while tally.inputs < inputs:
            path.write_bytes(reader.mutate(draw))
            tally.feed(read, path)
        return tally

    return _apart(reader, work)


def _input(reader: corpus.Reader) -> Path:
    path = Path(reader.file)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _lay_bombs(reader: corpus.Reader, folder: Path) -> None:
    """Write the bombs in a process of their own: making one takes more memory than reading it may."""
    child = os.fork()
    if child == 0:
        (folder / "bombs").mkdir()
        for number, content in enumerate(reader.bombs()):
            (folder / "bombs" / f"{number:03}").write_bytes(content)
        os._exit(0)
    os.waitpid(child, 0)


def _apart(reader: corpus.Reader, work: Callable[[], Tally]) -> Tally:
    """Do the work in a child, in a folder of its own, and return its tally; a child that dies is a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        _lay_bombs(reader, Path(folder))
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receive)
            os.chdir(folder)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # a child begins with its parent's
            with open(send, "w", encoding="utf-8") as out:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    tally = work()
                tally.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
                json.dump({key: getattr(tally, key) for key in Tally.__slots__}, out)
            os._exit(0)
        os.close(send)
        with open(receive, encoding="utf-8") as found:
            text = found.read()
        _, status = os.waitpid(child, 0)
    if not text:
        return Tally(reader.name, tracebacks=1, shown=[f"the process ended with status {status}"])
    return Tally(**json.loads(text))


def guided(reader: corpus.Reader, seconds: int) -> Tally:
    """Feed one reader with inputs that coverage chooses, in a process of its own."""

    def work() -> Tally:
        import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

        tally, path = Tally(reader.name), _input(reader)
        read = reader.open()
        seeds = Path("corpus")
        seeds.mkdir()
        for number, document in enumerate(reader.documents):
            (seeds / str(number)).write_bytes(document)

        class Done(BaseException):
            pass

        until = time.monotonic() + seconds

        def one(content: bytes) -> None:
            path.write_bytes(content)
            tally.feed(read, path)
            if time.monotonic() > until:
                raise Done

        atheris.Setup([sys.argv[0], "-rss_limit_mb=0", "-timeout=30", "-max_len=4096", str(seeds)], one)
        with suppress(Done):
            atheris.Fuzz()
        return tally

    return _apart(reader, work)


def shares(readers: Sequence[corpus.Reader], inputs: int) -> Iterator[tuple[corpus.Reader, int]]:
    """Divide the inputs by the readers' weights: who draws a page for each takes a hundred times as long."""
    whole = sum(reader.weight for reader in readers)
    for reader in readers:
        yield reader, max(len(reader.documents), -(-inputs * reader.weight // whole))


def main() -> int:
    """Fuzz, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many, over all readers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="a reader; may be given several times")
    parser.add_argument("--coverage", type=int, metavar="SECONDS", help="guided by coverage, so long for each reader")
    given = parser.parse_args()
    if given.coverage and importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: uv pip install atheris (in an environment of its own)", file=sys.stderr)
        return 2
    if given.coverage:
        import atheris

        with atheris.instrument_imports(include=["ticketlab"]):
            readers = corpus.readers()
    else:
        readers = corpus.readers()
    chosen = [each for each in readers if not given.only or each.name in given.only]
    print(HEAD)
    began, tallies = time.process_time(), []
    for reader, share in shares(chosen, given.inputs):
        tally = guided(reader, given.coverage) if given.coverage else fuzz(reader, share, given.seed)
        tallies.append(tally)
        print(tally.line(), flush=True)
        for each in tally.shown:
            print(each, file=sys.stderr)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = time.process_time() - began + children.ru_utime + children.ru_stime
    print(f"{sum(each.inputs for each in tallies):,} inputs, {sum(each.tracebacks for each in tallies):,} tracebacks, "
          f"{took:,.0f} s of processor time")  # fmt: skip
    return 0 if all(each.sound for each in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
