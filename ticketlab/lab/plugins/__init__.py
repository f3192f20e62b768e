"""Stores, strategies, launchers and policies, found by name.

Reading order: `registry` (a kind by its name); `entry_points` (what is installed); `combinations` (everything as data).
"""
