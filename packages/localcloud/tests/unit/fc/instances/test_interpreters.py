"""The Python of a function's instances."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.instances import interpreters
from localcloud.fc.instances.interpreters import check_interpreter, find_interpreter
from localcloud.fc.instances.nodes import Node
from localcloud.interpreters import OWN
from localcloud.kernel.errors import LocalCloudError


def test_interpreter_is_never_that_of_a_virtual_environment() -> None:
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = find_interpreter(own, None)
    assert found.note is None
    assert not found.path.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
    forced = find_interpreter("python3.9", Path(sys.executable))
    assert forced.path == found.path
    assert forced.note == f"python3.9 runs on {own}, as the embedded cloud was told to"


def test_the_oldest_runtime_says_which_python_it_means() -> None:
    assert find_interpreter("python3", None).note == (
        f"python3 runs on {OWN}, because the platform means python3.6 by it, which is not served here: "
        "what was built for that may not import"
    )


def test_what_is_no_python_is_refused() -> None:
    with pytest.raises(LocalCloudError, match="is not a Python that runs here"):
        check_interpreter(Path("/nowhere/python"))


def test_a_node_runs_its_own_runtime_and_others_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "find_node", lambda major: Node(path=Path("/opt/node"), version="20.1.0"))
    assert find_interpreter("nodejs20", None).note is None
    assert find_interpreter("nodejs14", None).node == Path("/opt/node")
    assert find_interpreter("nodejs14", None).note == (
        "nodejs14 runs on Node.js 20.1.0, because no Node.js 14 is installed here"
    )


def test_where_no_node_is_its_runtimes_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "find_node", lambda major: None)
    with pytest.raises(FcError, match=r"nodejs20 needs Node\.js 14 or later, which is not installed here"):
        find_interpreter("nodejs20", None)
