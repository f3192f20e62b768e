"""A correctness lab for shared state: finds the race, shows it, proves it gone, and prices the cure."""

__version__ = "0.1.0"
