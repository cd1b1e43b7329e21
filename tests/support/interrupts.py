"""Ctrl-C for the processes of tests."""

from __future__ import annotations

import signal


def listen() -> None:
    """Let SIGINT end this process: a shell has its jobs in the background ignore it, and so do their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
