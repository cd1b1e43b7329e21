"""Measurements: each module is a command that reproduces its table."""
