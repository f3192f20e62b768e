"""Stopped calls as steps, one file for each family: what a call concerns, whether it has to wait, and how it ends."""
