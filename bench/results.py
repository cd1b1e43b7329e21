"""The content of `results.json`: the machine, one entry for each part that was measured, and the goals of all parts."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heavylift.contracts.manifest import read_build

Results = dict[str, Any]  # JSON; see `merge`
ORDER = ("start", "libraries", "ablation", "scaling", "build", "cloud")  # of the parts, whichever was measured last


def goal(value: float, wanted: float, *, more: bool = False) -> dict[str, object]:
    """Return the record of a goal for `results.json`.

    Args:
        value: what was measured.
        wanted: the bound.
        more: whether the value should be at least the bound, not at most.
    """
    return {"value": round(value, 2), "goal": wanted, "met": value >= wanted if more else value <= wanted}


def describe_machine() -> dict[str, object]:
    """Return the properties of this machine that the numbers depend on."""
    return {
        "cores": os.cpu_count() or 1,
        "cpu": cpu_model(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.release(),
    }


def describe_versions(dist: Path) -> dict[str, str]:
    """Return the versions of Python and of the applib's requirements, from a build's manifest."""
    found = read_build(dist).applib.versions
    wanted = {name: found[name] for name in sorted(found) if name.lower().startswith(("tensorflow", "opencv", "numpy"))}
    return {"python": platform.python_version(), **wanted}


def merge(
    last: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
    machine: Mapping[str, object],
    versions: Mapping[str, str],
) -> Results:
    """Put newly measured parts beside those of the last results that were measured on the same machine.

    Args:
        last: the last results, or nothing.
        parts: what was measured, by name: whatever the part reports, and its `goals`.
        machine: see `describe_machine`.
        versions: see `describe_versions`.
    """
    same = last.get("machine") == dict(machine) and last.get("versions") == dict(versions)
    kept = last.get("parts", {}) if same else {}
    merged = dict(sorted({**kept, **parts}.items(), key=lambda item: ORDER.index(item[0])))
    return {
        "command": "make bench",
        "machine": dict(machine),
        "versions": dict(versions),
        "goals": {name: each for part in merged.values() for name, each in part["goals"].items()},
        "parts": merged,
    }


def read_results(path: Path) -> Results:
    """Return the last results; nothing when there are none, or none that this version wrote."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and "parts" in record else {}


def cpu_model() -> str:
    """Return the name of this machine's processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
