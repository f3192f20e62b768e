"""Explorations of programs: whatever a command line starts, in any language, under control of its schedule."""
