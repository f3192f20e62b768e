"""What reads each kind of document, as the command line would; each is called in the process in which it reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ticketlab.core.spec import Kind

Read = Callable[[Path], object]


def stock() -> Read:
    from ticketlab.lab.artifacts.opening_stock import opening_stock

    return lambda path: opening_stock(str(path))


def case() -> Read:
    from ticketlab.lab.artifacts.case_files import load_case, save_case

    return lambda path: save_case(load_case(path), path.parent / "cases")


def result() -> Read:
    from ticketlab.lab.artifacts.result_files import read_document

    return read_document


def timeline() -> Read:
    from ticketlab.lab.artifacts.timeline_files import read_diagrams
    from ticketlab.report.exports.perfetto import trace_events
    from ticketlab.report.page import trimmed

    return lambda path: trace_events(trimmed(read_diagrams(path.parent)))


def history() -> Read:
    from ticketlab.cli import check as cli
    from ticketlab.core.text import escape_controls
    from ticketlab.lab.checking.check_file import check_file

    def read(path: Path) -> object:
        checked = check_file(path, seconds=0.4, megabytes=100)
        json.dumps(checked.result, ensure_ascii=False).encode()
        return escape_controls(cli._text(checked), lines=True).encode()

    return read


def baseline(current: bytes) -> Read:
    from ticketlab.lab.artifacts.result_files import parse_document
    from ticketlab.lab.artifacts.runs import load_baseline
    from ticketlab.lab.comparing.baseline import compare_with
    from ticketlab.lab.comparing.thresholds import evaluate, evaluate_changes, regression, threshold

    measured = parse_document(current, "the comparison")
    lines = [regression("p99>+20%"), regression("sales/s<-10%")]

    def read(path: Path) -> object:
        baseline = load_baseline(str(path))
        against = compare_with("baseline", measured, baseline)
        held = [*evaluate_changes(lines, against), evaluate(threshold("p99<=5ms"), baseline["rows"])]
        return json.dumps([each.to_json() for each in held])

    return read


def runs() -> Read:
    """List what is kept, as `ticketlab runs` does: what cannot be read is listed with the reason."""
    from ticketlab.cli.terminal import console
    from ticketlab.core.errors import UsageError
    from ticketlab.lab.artifacts.listing import kept
    from ticketlab.report.listing import print_kept

    def read(_: Path) -> None:
        found = kept()
        print_kept(found, console())
        if "error" in found["runs"][0]:
            raise UsageError(found["runs"][0]["error"])

    return read


def report(*forms: str) -> Read:
    """Draw a result, as `ticketlab report` does."""
    from ticketlab.cli import report as cli

    def read(path: Path) -> object:
        words = [word for form in forms for word in (form, f"drawn{form}")]
        return cli.command.main([str(path), "--force", *words], standalone_mode=False)

    return read


def threshold() -> Read:
    from ticketlab.lab.comparing.thresholds import regression, threshold

    def read(path: Path) -> object:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        return regression(text) if "%" in text else threshold(text)

    return read


def settings() -> Read:
    from ticketlab.cli import compare, explore, race

    commands = {"race": race, "compare": compare, "explore": explore}

    def read(_: Path) -> object:
        return [module.command.make_context(name, []) for name, module in commands.items()]

    return read


def spec() -> Read:
    """Read a text as each of the words of a command line that have a grammar; it is accepted where it is one."""
    from ticketlab.cli.options import quantity_range
    from ticketlab.core.errors import UsageError
    from ticketlab.core.faults import Fault
    from ticketlab.core.spec import Spec
    from ticketlab.lab.comparing.cells import parse_buyer_counts, parse_specs
    from ticketlab.lab.plugins.registry import launcher_kind, policy_kind, store_kind, strategy_kind

    def chosen(kind: Callable[[Spec], Kind], text: str) -> object:
        spec = Spec.parse(text)
        return kind(spec).settings(spec)

    kinds: Sequence[Callable[[Spec], Kind]] = (store_kind, strategy_kind, launcher_kind, policy_kind)
    reads: list[Callable[[str], object]] = [partial(chosen, kind) for kind in kinds]
    reads += [lambda text: parse_buyer_counts([text]), lambda text: parse_specs([text]), quantity_range, Fault.parse]

    def read(path: Path) -> None:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        refusals = []
        for each in reads:
            try:
                each(text)
            except UsageError as refusal:
                refusals.append(refusal)
        worst = max(refusals, key=lambda refusal: str(refusal).count("\n"), default=None)
        if worst is not None and (len(refusals) == len(reads) or "\n" in str(worst)):
            raise worst

    return read


def latency() -> Read:
    from ticketlab.timings.latency import Latency

    return lambda path: str(Latency.parse(path.read_bytes().decode("utf-8", "surrogateescape")))


def message() -> Read:
    from ticketlab.core.errors import UsageError
    from ticketlab.strategies.office.wire import parse_request

    def read(path: Path) -> object:
        try:
            return parse_request(path.read_bytes())
        except ValueError as refusal:  # the client is disconnected
            raise UsageError(str(refusal)) from None

    return read
