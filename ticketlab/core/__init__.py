"""The vocabulary every other room speaks, and the one seam between a purchase and the lab: the scheduling point."""
