"""The locks in the repository are of today's requirements, so that a build of the project or an example resolves nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from heavylift.build import resolve
from heavylift.contracts.platform import Target
from tests.support.paths import ROOT

LOCKS = sorted([*ROOT.glob("layers_build/locks/*.txt"), *ROOT.glob("examples/**/locks/*.txt")])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_is_of_todays_requirements(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = re.fullmatch(r"(.*)-cp3(\d+)-(manylinux_\S+)\.txt", lock.name)
    assert named
    stem, minor, platform = named.groups()
    monkeypatch.setattr(resolve, "uv", lambda *_: pytest.fail(f"{lock} is of other requirements: build, and commit it"))
    requirements = lock.parent.parent / f"{stem}.txt"
    assert resolve.lock(requirements, lock.parent, Target(f"3.{minor}", platform)) == (lock, False)
