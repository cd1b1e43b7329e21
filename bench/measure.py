"""One measured start: a fresh function, invoked once."""

from __future__ import annotations

import zipfile
from pathlib import Path

from bench.functions import FunctionService, FunctionSettings
from heavylift.build import zip_code
from heavylift.errors import HeavyliftError
from heavylift.invocation import Invocation
from heavylift.startlog import Start, find_starts

PEERS = Path(__file__).parent / "peers" / "loader.py"


def measure(service: FunctionService, settings: FunctionSettings) -> tuple[Start, float]:
    """Start a fresh instance; return its timeline and the seconds until the first picture was written."""
    start, first, _ = measure_two(service, settings)
    return start, first.seconds


def measure_two(service: FunctionService, settings: FunctionSettings) -> tuple[Start, Invocation, Invocation]:
    """Start a fresh instance; return its timeline, and its first and second request.

    Raises:
        HeavyliftError: one of them failed.
    """
    service.create_function(settings)
    requests = [service.invoke(settings.name), service.invoke(settings.name)]
    service.delete_function(settings.name)
    for done in requests:
        if done.error_type:
            raise HeavyliftError(f"{settings.name} failed: {done.body.decode(errors='replace')}\n{done.log_tail}")
    return find_starts(requests[0].log_tail.splitlines())[-1], requests[0], requests[1]


def peer_code(code: Path, folder: Path) -> bytes:
    """Return the same code package with the loader of the other ways."""
    staging = folder / "code"
    staging.mkdir()
    (folder / "code.zip").write_bytes(zip_code(code))
    with zipfile.ZipFile(folder / "code.zip") as archive:
        archive.extractall(staging)
    (staging / "loader.py").write_bytes(PEERS.read_bytes())
    for stale in (staging / "__pycache__").glob("loader.*"):
        stale.unlink()
    return zip_code(staging)
