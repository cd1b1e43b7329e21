"""The table of the platform."""

from __future__ import annotations

import dataclasses

import pytest

from localcloud.fc.platform import NOT_SERVED, RUNTIMES


def test_runtimes_are_found_by_their_names_and_cannot_be_changed() -> None:
    assert all(name == runtime.name for name, runtime in RUNTIMES.items())
    with pytest.raises(dataclasses.FrozenInstanceError):
        RUNTIMES["python3.10"].glibc = 99  # type: ignore[misc]


def test_no_runtime_is_both_served_and_refused() -> None:
    assert not RUNTIMES.keys() & NOT_SERVED
