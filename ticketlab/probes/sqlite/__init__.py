"""SQLite through the standard library's driver, by statement.

To read: `statements` (what a text says), `databases` (what a connection has open and locked, and the steps that follow
from it), `connections` (what stands in for `sqlite3.connect`), `transactions` and `cursors` (what their calls do).
"""
