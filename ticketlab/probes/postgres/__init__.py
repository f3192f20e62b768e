"""PostgreSQL through psycopg, by statement.

To read: `statements` (what a text says), `generators` (what psycopg is about to do), `sessions` (what a connection has
locked and changed, and the steps that follow from it) and `family` (what stands in for psycopg's methods).
"""
