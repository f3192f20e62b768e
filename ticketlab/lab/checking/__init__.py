"""Histories from files, judged."""
