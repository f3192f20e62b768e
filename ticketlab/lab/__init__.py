"""Composes the rooms below into races, explorations, replays, comparisons and checks."""
