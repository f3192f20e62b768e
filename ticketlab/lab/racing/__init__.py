"""Live races: run, judged and measured."""
