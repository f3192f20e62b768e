"""One controlled execution: its state, and what a scheduling point means in it."""
