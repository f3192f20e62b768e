"""SQLite through the standard library's driver, by statement.

To read: `statements` (what a text says), `databases` (what a connection has open and locked, and the steps that follow
from it), `transactions` (where calls wait, and how they end), `maintenance` (what is done to a database as a whole),
`execution` (what statements do), `cursors` and `connections` (what the user has in hand), and `family` (what stands in
for `sqlite3.connect`).
"""
