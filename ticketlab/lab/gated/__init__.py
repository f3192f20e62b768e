"""Explorations of plain functions under the gate: real processes call them, and the kernel stops what these do.

Reading order: `calls` (the participants as commands of a program), `executor`, `judge`, `probed` (which of what the
kernel saw no probe told), `explore`.
"""
