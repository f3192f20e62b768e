"""Strategies and stores side by side, held to baselines and thresholds."""
