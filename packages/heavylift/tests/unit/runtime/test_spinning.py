"""How long idle threads of OpenBLAS spin: briefly, unless the function says so itself."""

from __future__ import annotations

import os

import pytest

from heavylift.runtime.spinning import spin_briefly

VARIABLE = "OPENBLAS_THREAD_TIMEOUT"


@pytest.mark.parametrize(("given", "found"), [("", "20"), ("26", "26")])
def test_threads_spin_briefly_unless_the_function_says_how_long(
    monkeypatch: pytest.MonkeyPatch, given: str, found: str
) -> None:
    monkeypatch.setenv(VARIABLE, given)
    if not given:
        monkeypatch.delenv(VARIABLE)
    spin_briefly()
    assert os.environ[VARIABLE] == found
