"""Results in; text, JSON, HTML or pictures out."""
