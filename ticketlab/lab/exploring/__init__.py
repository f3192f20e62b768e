"""Exploration of scenarios and functions, with faults, plans and replays."""
