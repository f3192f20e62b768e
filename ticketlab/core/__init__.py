"""The vocabulary that every other package uses, and the one seam between a purchase and the lab: the scheduling point.

Read `inventory` first (requests and outcomes), then `pacing` (steps and pacers) and `plugin` (stores and strategies);
then `spec` and `scenario` (what a user asks for), `faults`, `history` and `result`. `fork`, `lifeline`, `descriptors`
and `failing_io` are for processes and files, and the rest are small helpers.
"""
