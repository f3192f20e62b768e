"""Every verdict and every sentence of the checker is held to a second judge that shares no code with it.

The long form: `uv run python -m tests.fuzz.proofs --proofs 200000 --seed 1`.
"""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.proofs import Judges, Tally, run


def test_every_verdict_and_every_claim_of_its_proofs_is_true(tmp_path: Path) -> None:
    tally = Tally()
    found = [finding for _, finding in run(Judges(tmp_path), 1, 500, tally)]
    assert tally.hard <= tally.histories // 1_000
    assert tally.refused.total() <= tally.histories // 10
    assert not found, "\n".join(f"{each.kind}: {each.sentence}: {each.reason}" for each in found)
