"""Stores, strategies, launchers and policies, by name."""
