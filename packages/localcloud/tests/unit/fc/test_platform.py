"""The table of the platform."""

from __future__ import annotations

import dataclasses

import pytest

from localcloud.fc.platform import RUNTIMES, SERVED


def test_runtimes_are_found_by_their_names_and_cannot_be_changed() -> None:
    assert all(name == runtime.name for name, runtime in RUNTIMES.items())
    with pytest.raises(dataclasses.FrozenInstanceError):
        RUNTIMES["python3.10"].glibc = 99  # type: ignore[misc]


def test_a_runtime_that_the_bootstrap_does_not_run_on_is_not_served() -> None:
    assert [RUNTIMES[name] for name in SERVED] == [each for each in RUNTIMES.values() if each.name != "python3.6"]
