"""Files: plain and zipped, whole and cut off, Jepsen's too; and what the result of a check says."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ticketlab import check
from ticketlab.checker import MalformedHistory
from ticketlab.core.errors import UsageError
from ticketlab.lab.checking.check_file import MOST_CHARACTERS, check_file

META = {"meta": {"model": "counter", "stock": 1}}
SALE = {"process": 1, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 10, "return_ns": 20, "tickets": [1]}


def text(*lines: object) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_a_zipped_file_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(gzip.compress(text(META, SALE, SALE | {"process": 2}).encode()))
    checked = check_file(path, command="ticketlab check history")
    assert checked.verdict.valid is False
    result = checked.result
    assert [result[key] for key in ("valid", "model", "operations")] == [False, "counter", 2]
    assert [o["line"] for o in result["anomalies"][0]["evidence"]["operations"]] == [2, 3]
    assert result["command"] == "ticketlab check history"
    assert {"ticketlab", "python", "system"} <= set(result["environment"])
    assert json.loads(json.dumps(result)) == result


def test_model_and_stock_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(text({"meta": {}}, SALE, SALE | {"process": 2}))
    checked = check_file(path, "counter", stock=2)
    assert checked.verdict.valid is True


def test_progress_ends_with_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(text(META, SALE))
    told: list[tuple[int, float]] = []
    check_file(path, progress=lambda lines, share: told.append((lines, share)))
    assert told == [(2, 1.0)]


def assert_spent_on_loading(path: Path) -> None:
    """Judge a file in a process of its own: one that has grown before has room that loading need not ask for."""
    script = f"""
from pathlib import Path
from ticketlab.lab.checking.check_file import check_file
checked = check_file(Path({str(path)!r}), megabytes=0.5)
print(checked.verdict.valid, checked.result["reason"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("None ")
    assert "spent on loading" in done.stdout


def test_memory_spent_on_loading_is_undecided(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(text(META, *(SALE | {"process": p, "arg": p + 1} for p in range(30_000))))
    assert_spent_on_loading(path)


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    zipped = gzip.compress(text(META, SALE).encode())
    bad: dict[str, tuple[bytes, str]] = {
        "cut.gz": (zipped[:-12], "is cut off"),
        "broken.gz": (zipped[:12] + b"\xff\xff\xff\xff" + zipped[16:], "cannot be unpacked"),
        "latin": (b'{"meta": {"model": "caf\xe9"}}\n', "is no text in UTF-8"),
        "long": (b"x" * (MOST_CHARACTERS + 1), "line 1: longer than"),
    }
    for name, (content, message) in bad.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(MalformedHistory, match=message):
            check_file(path)
    with pytest.raises(UsageError, match="No such file"):
        check_file(tmp_path / "missing")
    with pytest.raises(UsageError, match="is a folder"):
        check_file(tmp_path)


JEPSEN = """\
{:process :nemesis, :type :info, :f :start, :value nil, :time 1}
{:process 0, :type :invoke, :f :write, :value 3, :time 10}
{:process 1, :type :invoke, :f :read, :value nil, :time 20}
{:process 0, :type :ok, :f :write, :value 3, :time 30}
{:process 1, :type :ok, :f :read, :value %s, :time 40}
{:process 2, :type :invoke, :f :cas, :value [3 4], :time 50}
{:process 2, :type :info, :f :cas, :value [3 4], :time 60}
{:process 3, :type :invoke, :f :read, :value nil, :time 70}
{:process 3, :type :ok, :f :read, :value 4, :time 80}
"""


@pytest.mark.parametrize(("seen", "valid"), [("3", True), ("nil", True), ("5", False)])
@pytest.mark.parametrize("around", ["%s", "[%s]"])
def test_jepsens_histories_of_registers(tmp_path: Path, seen: str, valid: bool, around: str) -> None:
    path = tmp_path / "history.edn"
    path.write_text(around % (JEPSEN % seen))
    checked = check_file(path)
    assert (checked.verdict.valid, checked.result["model"], checked.result["operations"]) == (valid, "cas-register", 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{:process 0", "this is not EDN"),
        ("[1 2]", "event 1: found 1: expected a map"),
        ("{:process 0, :type :begin, :f :read}", "event 1: :type is"),
        (
            "{:process 0, :type :ok, :f :read, :value 1}",
            "event 1: process 0 completes 'read', which it has not invoked",
        ),
    ],
)
def test_malformed_edn_says_which_event(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "history.edn"
    path.write_text(content)
    with pytest.raises(MalformedHistory, match=message):
        check_file(path)


TRANSACTIONS = """\
{:process :nemesis, :type :info, :f :start, :value nil, :index 0}
{:process 0, :type :invoke, :f :txn, :value [[:append 1 10] [:r 2 nil]], :index 1}
{:process 1, :type :invoke, :f :txn, :value [[:append 2 20] [:r 1 nil]], :index 2}
{:process 0, :type :ok, :f :txn, :value [[:append 1 10] [:r 2 %s]], :index 3}
{:process 1, :type :ok, :f :txn, :value [[:append 2 20] [:r 1 [10]]], :index 4}
"""


@pytest.mark.parametrize(("seen", "names"), [("nil", []), ("[20]", ["G1c"])])
def test_jepsens_histories_of_transactions(tmp_path: Path, seen: str, names: list[str]) -> None:
    path = tmp_path / "history.edn"
    path.write_text(TRANSACTIONS % seen)
    checked = check_file(path)
    assert (checked.result["model"], checked.result["objects"]) == ("transactions", "lists")
    assert [anomaly.name for anomaly in checked.verdict.anomalies] == names
    assert check(path).valid is (not names)
    assert check(path, isolation="read-uncommitted").valid is True


def test_transactions_are_zipped_too_and_stop_with_their_memory(tmp_path: Path) -> None:
    path = tmp_path / "history"
    event = {"type": "ok", "f": "txn", "process": 0, "value": [["w", "x", 1]]}
    path.write_bytes(gzip.compress(text(event).encode()))
    assert check_file(path).verdict.valid is True
    path.write_text(text(*(event | {"value": [["w", "x", number]]} for number in range(30_000))))
    assert_spent_on_loading(path)


def test_edn_stops_with_its_memory_too(tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    path.write_text("[] " * 300_000)
    script = f"""
from pathlib import Path
from ticketlab.lab.checking.check_file import check_file
checked = check_file(Path({str(path)!r}), megabytes=0.5)
print(checked.verdict.valid, checked.result["reason"])
"""  # a process of its own, as above
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "None the budget of memory was spent on loading, in the middle of the file\n"
