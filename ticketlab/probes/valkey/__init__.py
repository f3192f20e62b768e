"""Valkey and Redis through their clients `valkey` and `redis`, by command.

To read: `commands` (what a command touches), `expiry` (keys that end, by virtual time) and `family` (what stands in for
the clients' methods).
"""
