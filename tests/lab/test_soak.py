"""The soak, in small: random faults in random races, two judges that agree, nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[2] / "scripts" / "soak.py"


def test_a_short_soak_finds_no_trouble(tmp_path: Path) -> None:
    words = ["--races", "40", "--seed", "3", "--json"]
    done = subprocess.run(
        [sys.executable, str(SOAK), *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    counts = json.loads(done.stdout)
    assert (done.returncode, counts["troubles"], done.stderr) == (0, [], "")
    assert counts["races"] == 40
    assert counts["struck"]["kill"] > 20
