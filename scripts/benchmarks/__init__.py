"""Benchmarks, each a script of its own; `runner` has how they measure, `subject` what of ticketlab they measure."""
