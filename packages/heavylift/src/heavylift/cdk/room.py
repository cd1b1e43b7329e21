"""Errors of a disk without room for the CDK, which unpacks its packages and copies assets: Python's, and those of Node.js."""

from __future__ import annotations

import errno
import tempfile

from heavylift.cdk.errors import InfraError
from heavylift.contracts.jsii import ROOM


def explain_room(error: BaseException) -> InfraError | None:
    """Return what an error of a full disk is to its user; None for any other error."""
    if getattr(error, "errno", None) != errno.ENOSPC and not str(error).startswith("ENOSPC"):
        return None
    return InfraError(
        f"there is no room in {tempfile.gettempdir()}, or in the cache, for the CDK, which needs {ROOM} MB: make some, or name "
        "another folder in TMPDIR"
    )
