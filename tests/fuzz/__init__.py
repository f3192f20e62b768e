"""Fuzzers: run by name, never by default. `uv run python -m tests.fuzz.explorers --programs 20000 --seed 1`."""
