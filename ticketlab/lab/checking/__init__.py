"""Histories from files, judged.

Reading order: `check_file` (opened, read and judged); `edn` (Jepsen's format); `timeline` (how a history is drawn).
"""
