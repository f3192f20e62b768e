"""Isolation: which anomalies the isolation levels of a database let happen, found by trying every schedule."""
