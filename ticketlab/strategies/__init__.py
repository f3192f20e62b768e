"""How a purchase is kept safe, or is not: one file per strategy family."""
