"""The vocabulary that every other package uses, and the one seam between a purchase and the lab: the scheduling point.

Read `inventory` first (requests and outcomes), then `steps`, `pacing` and `plugin` (stores and strategies); then `spec`
and `scenario` (what a user asks for), `faults`, `history` and `result`. `system` has processes and files, and the rest
are small helpers.
"""
