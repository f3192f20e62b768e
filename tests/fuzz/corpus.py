"""What the readers are fuzzed with: the lab's own documents, and seeded ways to damage them."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import chdir
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ticketlab.core.spec import Kind

TOKENS: Final[Sequence[bytes]] = (
    b"NaN", b"-Infinity", b"1e999", b"-1e-999", b"null", b"true", b"0", b"-1", b"1.5", b"9" * 30, b"9" * 5000,
    b'"', b"\\", b"\n", b"\r", b"\0", b"\x1b[31m", b"\xc2\x9b31m", b"\xe2\x80\xae", b"\xff", b"\xed\xa0\x80",
    b"\\ud800", b"\\u0000", b"\\u001b]0;x\\u0007", b"{", b"}", b"[", b"]", b",", b":", b"=", b"-", b"%", b"{}", b"[]",
    b"[" * 2000, b'{"a":' * 2000, b"(" * 2000, b"../../x", b"/etc/passwd", b'"a":1,"a":2,', b"#inst", b"#{",
    "é١²½\U0001f600".encode(), b"x" * 300, b"'''", b"[[", b"a.b.c.d", b"1979-05-27T07:32:00Z", b"0x10", b"1_000", b" ",
    b"1" + b"0" * 400, b"\xef\xbb\xbf", b"#_", b":type",
)  # fmt: skip
VALUES: Final[Sequence[Any]] = (
    None, True, False, 0, -1, 1, 2, 1.5, -0.0, 1e308, 5e-324, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**40, 10**99,
    "x", "json", "lock", "../../x", "/etc/passwd", "a\0b", "\x1b[31mred", "\x9b31m", "\u202eevil", "\ud800", "\udfff",
    "é١²½\U0001f600", "line\nbreak", "x" * 10_000, "-1", "1e5", "<script>", "{{ 7*7 }}", "|`*", [], [[]], {}, {"": {}},
    10**120, ["x"], [1, 2], {"a": 1}, {"tickets": {"1": [7]}}, {"operations": [{}]}, {"participants": [{}]}, "9" * 4000,
    [None],     [1] * 1000, "",
)  # fmt: skip
NAMES: Final = (
    "stock", "case", "result", "timeline", "history", "packed", "edn", "baseline", "runs", "report", "picture",
    "threshold", "settings", "spec", "latency", "message",
)  # fmt: skip
"""Of the readers, in their order: tests are named after them before the documents are made."""
Read = Callable[[Path], object]


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def damaged_bytes(content: bytes, other: bytes, draw: Random) -> bytes:
    """Damage a document's bytes in one to four places."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(data) + 1)
        until = min(len(data), at + draw.choice((1, 1, 2, 8, 64)))
        kind = draw.randrange(7)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del data[at:until]
        elif kind == 2:
            data[at:at] = draw.choice(TOKENS)
        elif kind == 3:
            data[at:until] = draw.choice(TOKENS)
        elif kind == 4:
            data[at:at] = data[at:until] * draw.choice((1, 2, 50))
        elif kind == 5:
            start = draw.randrange(len(other) + 1)
            data[at:until] = other[start : start + draw.choice((1, 8, 64, 512))]
        else:
            del data[at:]
    return bytes(data)


def damaged_value(value: Any, draw: Random) -> Any:
    """Damage a JSON value, which is changed, in one to three places."""
    holder = [value]
    for _ in range(draw.choice((1, 1, 2, 3))):
        place: Any = holder
        key: Any = 0
        while isinstance(place[key], list | dict) and place[key] and draw.random() < 0.8:
            place = place[key]
            key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
        kind = draw.randrange(8)
        if kind == 0 and place is not holder:
            del place[key]
        elif kind == 1 and isinstance(place, dict):
            place[draw.choice((key + "x", "", "a\0", "\x1b[0m", "\ud800", "valid", "books"))] = place.pop(key)
        elif kind == 2:
            place[key] = [deepcopy(place[key]) for _ in range(draw.choice((1, 2, 30)))]
        elif kind == 3:
            place[key] = _nested(draw.choice((3, 60, 64, 65, 70, 300)))
        elif kind == 4 and isinstance(place, list):
            place.insert(draw.randrange(len(place) + 1), deepcopy(draw.choice(VALUES)))
        else:
            place[key] = deepcopy(draw.choice(VALUES))
    return holder[0]


@dataclass(frozen=True)
class Reader:
    """One reader, and what it is fed with.

    `open` returns what reads an input, from a file of the name `file`, and is called in the process in which it will;
    `weight` is its share of all inputs. Documents that are JSON, or lines of JSON, are damaged in their structure too.
    `bombs` are meant to fill the memory or to take for ever.
    """

    name: str
    documents: Sequence[bytes]
    open: Callable[[], Read]
    weight: int
    file: str = "input"
    structured: bool = True
    lines: bool = False
    bombs: Callable[[], Iterable[bytes]] = lambda: ()

    def mutate(self, draw: Random) -> bytes:
        """Return one damaged document."""
        content = draw.choice(self.documents)
        kind = draw.random()
        if kind < 0.02:
            return draw.randbytes(draw.choice((0, 1, 2, 16, 200)))
        if self.structured and kind < 0.55:
            return self._restructured(content, draw)
        return damaged_bytes(content, draw.choice(self.documents), draw)

    def _restructured(self, content: bytes, draw: Random) -> bytes:
        if not self.lines:
            return _dumped(damaged_value(json.loads(content), draw), draw)
        lines = [json.loads(line) for line in content.splitlines()]
        at = draw.randrange(len(lines))
        lines[at] = damaged_value(lines[at], draw)
        return b"\n".join(_dumped(each, draw) for each in lines) + b"\n"


def _dumped(value: Any, draw: Random) -> bytes:
    return json.dumps(value, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")


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


def readers() -> list[Reader]:
    """Return every reader with its documents, which the lab itself makes here."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        race, tour, comparison, exploration, case, timelines, history = _documents()
    stock = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "db").glob("*.json"))]
    results = [race, tour, comparison, exploration]
    packed = [gzip.compress(each, mtime=0) for each in _HISTORIES]
    lines = [b"fairness>=0.8", b"p99 <= 5 ms", b"p99>+20%", b"sales/s<-10%"]
    latencies = [b"read=100ms,write=0-1s", b"commit=5us-2ms", b"send=1s"]
    in_race = partial(json_bombs, race[:-1] + b', "more": %s}', (16 << 20) - len(race) - 12)
    return [
        Reader("stock", stock, _stock, 14, "stock.json", bombs=partial(json_bombs, size=1 << 20)),
        Reader("case", [case], _case, 12, bombs=json_bombs),
        Reader("result", results, _result, 12, bombs=in_race),
        Reader("timeline", [timelines], _timeline, 8, "run/timeline.json", bombs=json_bombs),
        Reader("history", [history, *_HISTORIES], _history, 10, lines=True, bombs=_history_bombs),
        Reader("packed", packed, _history, 4, structured=False),
        Reader("edn", _EDN, _history, 1, "history.edn", structured=False, bombs=_edn_bombs),
        Reader("baseline", [comparison], partial(_baseline, comparison), 4, "baseline.json", bombs=json_bombs),
        Reader("runs", results, _runs, 1, ".ticketlab/runs/2026-01-01T00-00-00Z-race/result.json", bombs=in_race),
        Reader("report", results, partial(_report, "--html", "--markdown"), 1, "result.json", bombs=in_race),
        Reader("picture", results[:3], partial(_report, "--svg"), 1, "result.json"),
        Reader("threshold", lines, _threshold, 8, structured=False),
        Reader("settings", [_SETTINGS], _settings, 1, "pyproject.toml", structured=False, bombs=_toml_bombs),
        Reader("spec", _SPECS, _spec, 10, structured=False),
        Reader("latency", latencies, _latency, 8, structured=False),
        Reader("message", _MESSAGES, _message, 14, bombs=_message_bombs),
    ]


_HISTORIES: Final = (
    (
        b'{"meta": {"model": "counter", "stock": {"a": 3, "b": 1}}}\n'
        b'{"process": 1, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 1, "return_ns": 5, "section": "a"}\n'
        b'{"process": 2, "op": "buy", "arg": 2, "result": "unknown", "invoke_ns": 2, "return_ns": 9, "section": "a"}\n'
        b'{"process": 3, "op": "search", "result": 1, "invoke_ns": 3, "return_ns": 4, "section": "b"}\n'
        b'{"process": 1, "op": "cancel", "arg": 1, "result": "ok", "invoke_ns": 6, "return_ns": 7, "section": "a"}\n'
    ),
    (
        b'{"meta": {"model": "seats"}}\n'
        b'{"process": 1, "op": "buyseat", "arg": "A1", "result": "ok", "invoke_ns": 1, "return_ns": 5}\n'
        b'{"process": 2, "op": "buyseat", "arg": "A1", "result": "ok", "invoke_ns": 6, "return_ns": 9}\n'
        b'{"process": 3, "op": "buyseat", "arg": 7, "result": null, "invoke_ns": 6, "return_ns": null}\n'
    ),
    (
        b'{"meta": {"model": "cas-register", "initial": 0}}\n'
        b'{"process": 1, "op": "write", "arg": 1, "result": "ok", "invoke_ns": 1, "return_ns": 5}\n'
        b'{"process": 2, "op": "cas", "arg": [1, 2], "result": "fail", "invoke_ns": 6, "return_ns": 9}\n'
        b'{"process": 3, "op": "read", "arg": null, "result": 0, "invoke_ns": 6, "return_ns": 8}\n'
    ),
)
_EDN: Final = (
    b"{:type :invoke, :f :read, :value nil, :process 0, :time 1}\n{:type :ok, :f :read, :value 3, :process 0, :time 2}",
    b"[{:process 0 :type :invoke :f :cas :value [1 2]} {:process 0 :type :info :f :cas :value [1 2]}]",
    b'{:process :nemesis, :type :info, :f :kill} {:type :invoke, :f :write, :value "a", :process 1, :time 7} #_ {}',
)
_SETTINGS: Final = (
    b'[tool.ticketlab]\nbuyers = 5\nseed = 3\nstores = ["json", "sqlite:journal=delete"]\n[tool.ticketlab.race]\n'
    b'store = "json"\nledger = false\nlatency = "read=1ms"\ntimeout = 2.5\n[tool.ticketlab.compare]\nrounds = 2\n'
    b'buyers = "1,8"\n[tool.ticketlab.explore]\nexhaust = true\npolicy = "pct:3"\n'
)
_SPECS: Final = (
    b"json", b"json:rename", b"sqlite:journal=delete,synchronous=off", b"filelock:soft", b"lock",
    b"clerk:socket,server=pool,workers=3", b"pool:8", b"process:spawn", b"pct:3", b"dfs:preemptions=2",
    b"json,sqlite:journal=wal,manager", b"1-4", b"1,8,100", b"pause:2s",
)  # fmt: skip
_MESSAGES: Final = (
    b'["buy", 1, "main", 2]',
    b'["search", 3, "main"]',
    b'["cancel", 2, "main", [1, 2, 3], ""]',
    b'["hold", 4, "main", 2, 30.0, "4.1"]',
    b'["confirm", 4, "main", "4.1", null]',
)


def _documents() -> list[bytes]:
    """Race, explore and compare for real, on a small scale, and return what the lab would write of it."""
    from ticketlab.checker import jsonl
    from ticketlab.core.result import as_document
    from ticketlab.core.scenario import Scenario
    from ticketlab.core.spec import Spec
    from ticketlab.core.timeline import Diagram, timelines_to_json
    from ticketlab.explorer.results import ExploreOptions
    from ticketlab.lab.comparing.cells import cell_matrix
    from ticketlab.lab.comparing.comparison import Comparison, SamplingPlan
    from ticketlab.lab.exploring.explore import explore_scenario
    from ticketlab.lab.racing.options import RaceOptions
    from ticketlab.lab.racing.race import run_race
    from ticketlab.lab.racing.tour import as_tour
    from ticketlab.report.interleaving import diagram
    from ticketlab.timings.latency import Latency

    live = RaceOptions(latency=Latency.parse("read=20ms,write=20ms"), timeline=True)
    scenarios = [Scenario.of("json:rename", strategy, buyers=3) for strategy in ("none", "lock")]
    rows = [run_race(each, live, command="ticketlab race") for each in scenarios]
    comparison = Comparison(cell_matrix(["json"], ["none", "lock"], [], ["2"]), SamplingPlan(2, 0.05), 30.0)
    comparison.run(lambda *_: None)
    found = explore_scenario(
        Scenario.of("json", "none", buyers=2), ExploreOptions(policy=Spec("dpor")), command="ticketlab explore"
    )
    assert found.finding is not None, "an unguarded JSON file goes wrong"
    diagrams: list[Diagram] = [
        diagram("none on json", found.finding.execution, 2, found.finding.anomalies),
        *(row.timeline for row in rows if row.timeline),
    ]
    values = [
        as_document("race", rows[0].to_json()),
        as_document("tour", as_tour("ticketlab race", rows).to_json()),
        comparison.result().to_json("ticketlab compare"),
        as_document("exploration", found.to_json()),
        found.finding.case.to_json(),
        timelines_to_json(diagrams),
    ]
    return [*(json.dumps(each).encode() for each in values), "".join(jsonl.history_lines(rows[0].history)).encode()]


def _stock() -> Read:
    from ticketlab.lab.artifacts.opening_stock import opening_stock

    return lambda path: opening_stock(str(path))


def _case() -> Read:
    from ticketlab.lab.artifacts.case_files import load_case, save_case

    return lambda path: save_case(load_case(path), path.parent / "cases")


def _result() -> Read:
    from ticketlab.lab.artifacts.result_files import read_document

    return read_document


def _timeline() -> Read:
    from ticketlab.lab.artifacts.timeline_files import read_diagrams
    from ticketlab.report.page import trimmed
    from ticketlab.report.perfetto import trace_events

    return lambda path: trace_events(trimmed(read_diagrams(path.parent)))


def _history() -> Read:
    from ticketlab.cli import check as cli
    from ticketlab.core.text import escape_controls
    from ticketlab.lab.checking.check_file import check_file

    def read(path: Path) -> object:
        checked = check_file(path, seconds=0.4, megabytes=100)
        json.dumps(checked.result, ensure_ascii=False).encode()
        return escape_controls(cli._text(checked), lines=True).encode()

    return read


def _history_bombs() -> Iterable[bytes]:
    head = b'{"meta": {"model": "counter", "stock": 3}}\n'
    row = b'{"process": %d, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": %d, "return_ns": %d}\n'
    long = b'{"process": 1, "op": "%s", "arg": 1, "result": "ok", "invoke_ns": %d, "return_ns": %d}\n'
    yield gzip.compress(head + b"".join(long % (b"%06d" % n + b"x" * 60_000, n, n + 1) for n in range(0, 8000, 2)), 1)
    yield gzip.compress(head + b" " * (300 << 20), 1)
    yield gzip.compress(b"\n" * (300 << 20), 1)
    yield head + b"".join(row % (n % 7, 10 * n, 10 * n + 1) for n in range(20_000))
    yield head + row.replace(b"1,", b"9" * 5000 + b",") % (1, 2, 3)


def _edn_bombs() -> Iterable[bytes]:
    yield from (b"[" * 2000, b"{" * 2000, b"#{" * 1000, b"1" * 9000, b" " * (5 << 20), b"#_" * 2000, b'"' + b"x" * 9000)


def _baseline(current: bytes) -> Read:
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


def _runs() -> Read:
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


def _report(*forms: str) -> Read:
    """Draw a result, as `ticketlab report` does."""
    from ticketlab.cli import report as cli

    def read(path: Path) -> object:
        words = [word for form in forms for word in (form, f"drawn{form}")]
        return cli.command.main([str(path), "--force", *words], standalone_mode=False)

    return read


def _threshold() -> Read:
    from ticketlab.lab.comparing.thresholds import regression, threshold

    def read(path: Path) -> object:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        return regression(text) if "%" in text else threshold(text)

    return read


def _settings() -> Read:
    from ticketlab.cli import compare, explore, race

    commands = {"race": race, "compare": compare, "explore": explore}

    def read(_: Path) -> object:
        return [module.command.make_context(name, []) for name, module in commands.items()]

    return read


def _toml_bombs() -> Iterable[bytes]:
    yield b"a = " + b"[" * 100_000
    yield b".".join([b"a"] * 100_000) + b" = 1"
    yield b"[" + b" . ".join([b"'a'"] * 30_000) + b"]"
    yield b"[" + b".".join([b"a" * 81] * 3_000) + b"]"
    yield b"".join(b"[a%d]\n" % number for number in range(20_000))
    yield b"a = " + b"{b=" * 20_000
    yield b"x = " + b"9" * 100_000
    yield b"[tool.ticketlab]\nbuyers = " + b"9" * 4000
    yield b'x = "' + b"y" * (1 << 20) + b'"'


def _spec() -> Read:
    """Read a text as each of the words of a command line that have a grammar; it is accepted where it is one."""
    from ticketlab.cli.race import _range
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
    reads += [lambda text: parse_buyer_counts([text]), lambda text: parse_specs([text]), _range, Fault.parse]

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


def _latency() -> Read:
    from ticketlab.timings.latency import Latency

    return lambda path: str(Latency.parse(path.read_bytes().decode("utf-8", "surrogateescape")))


def _message() -> Read:
    from ticketlab.core.errors import UsageError
    from ticketlab.strategies.office.wire import parse_request

    def read(path: Path) -> object:
        try:
            return parse_request(path.read_bytes())
        except ValueError as refusal:  # the client is disconnected
            raise UsageError(str(refusal)) from None

    return read


def _message_bombs() -> Iterable[bytes]:
    yield from (b"[" * 65536, b"9" * 65536, b"[" + b"1," * 30_000 + b"1]")
