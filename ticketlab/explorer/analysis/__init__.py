"""What an execution was: its trace, its races, and why it got stuck."""
