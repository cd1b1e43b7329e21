"""Analytic statements: SQL over the logs that a search finds, read, typed, and run in a process of its own."""
