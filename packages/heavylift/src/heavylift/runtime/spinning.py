"""Idle threads of OpenBLAS, which numpy and OpenCV bring: how long they spin before they sleep.

They spin for 2^26 cycles, some 25 ms, after they are made and after each call, on cores that a start needs for the load. OpenBLAS
reads the limit once, when it is loaded. With 2^20 cycles, 0.4 ms, threads of calls that follow each other closely still find
each other awake.
"""

from __future__ import annotations

import os

_VARIABLE = "OPENBLAS_THREAD_TIMEOUT"  # its exponent of two, 4 to 30: OpenBLAS, driver/others/blas_server.c
_CYCLES = "20"


def spin_briefly() -> None:
    """Let threads of OpenBLAS, where it is loaded after this, spin for a short time; a value that the function has stays."""
    os.environ.setdefault(_VARIABLE, _CYCLES)
