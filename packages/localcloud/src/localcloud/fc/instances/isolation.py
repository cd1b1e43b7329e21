"""The choice of an isolation: the best one that this machine permits."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from localcloud.fc.instances.launch import Isolation
from localcloud.fc.instances.sandbox import Sandbox, all_means
from localcloud.fc.instances.unsandboxed import Folder, Refusal
from localcloud.fc.store.file_systems import FileSystems

logger = logging.getLogger(__name__)


def choose_isolation(folder: Path, *, file_systems: FileSystems, unsandboxed: bool, authority: str) -> Isolation:
    """Return the best isolation that this machine permits; tried for real.

    Args:
        folder: for the files that all instances share.
        file_systems: the file systems that instances mount.
        unsandboxed: as root, run functions even where there is no sandbox.
        authority: the certificate (PEM) of the embedded cloud.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        why = "bubblewrap is not installed (Debian package `bubblewrap`)"
    else:
        refusals = []
        for means in all_means():
            sandbox = Sandbox(bwrap, means, folder=folder, file_systems=file_systems, authority=authority)
            refusal = sandbox.refusal()
            if refusal is None:
                if means.note:
                    logger.warning(means.note)
                return sandbox
            refusals.append(refusal)
        why = f"bubblewrap is not permitted here ({refusals[0]})"
    return Folder(why) if unsandboxed or os.geteuid() else Refusal(why)
