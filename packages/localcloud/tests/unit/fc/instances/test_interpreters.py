"""The Python of a function's instances."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localcloud.fc.instances.interpreters import check_interpreter, find_interpreter
from localcloud.kernel.errors import LocalCloudError


def test_interpreter_is_never_that_of_a_virtual_environment() -> None:
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = find_interpreter(own, None)
    assert found.note is None
    assert not found.path.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
    forced = find_interpreter("python3.9", Path(sys.executable))
    assert forced.path == found.path
    assert forced.note == f"python3.9 runs on {own}, as the embedded cloud was told to"


def test_what_is_no_python_is_refused() -> None:
    with pytest.raises(LocalCloudError, match="is not a Python that runs here"):
        check_interpreter(Path("/nowhere/python"))
