"""Controlled schedules: policies that choose them, executors that run them, shrinking that makes them small."""
