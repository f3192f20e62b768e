"""Pure judges: histories and books in, verdicts out."""
