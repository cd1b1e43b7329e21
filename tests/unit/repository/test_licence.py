"""Each package carries the licence, since what is installed from a wheel has no folder above it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("package", ["heavylift", "localcloud"])
def test_a_package_has_the_licence_of_the_repository(package: str) -> None:
    assert (ROOT / "packages" / package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
