"""Pin every dependency, direct or not, at the version that this environment has.

    uv sync --upgrade --all-groups && uv run python scripts/pin.py

Writes constraints.txt, for pip, and the same list into pyproject.toml, where uv looks.
"""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = re.compile(r"(?<=constraint-dependencies = \[\n)(?:    .*\n)*")


def pins() -> list[str]:
    """Return `name==version` for all that is installed here, the project itself excepted."""
    found = {(each.name.lower().replace("_", "-"), each.version) for each in distributions()}
    return [f"{name}=={version}" for name, version in sorted(found) if name not in ("ticketlab", "pip", "setuptools")]


if __name__ == "__main__":
    (ROOT / "constraints.txt").write_text("".join(f"{pin}\n" for pin in pins()), encoding="utf-8")
    path = ROOT / "pyproject.toml"
    join_words = "".join(f'    "{pin}",\n' for pin in pins())
    path.write_text(LIST.sub(join_words, path.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"pinned {len(pins())} packages")
