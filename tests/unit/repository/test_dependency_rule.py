"""Who may import whom: the parts meet in formats and protocols, not in each other's code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PARTS = frozenset({"function", "layers_build", "infra", "localcloud", "heavylift", "bench"})
MAY_IMPORT = {
    "function": frozenset[str](),
    # One function of the embedded cloud's: the Python that a build is tried with has to be the one that runs it there.
    "layers_build": frozenset({"function.coldstart", "localcloud.fc.interpreters"}),
    "infra": frozenset[str](),
    "localcloud": frozenset[str](),
    "bench": frozenset({"heavylift", "layers_build", "localcloud", "function.coldstart"}),
    "heavylift": frozenset({"layers_build", "localcloud", "bench"}),
}
# What stands beside loader.py in the code package: its own modules, and what function/requirements.txt and
# function/applib.txt bring.
FUNCTION_LIBRARIES = frozenset(
    {
        "loader",
        "index",
        "jobs",
        "pictures",
        "coldstart",
        "oss2",
        "isal",
        "zstandard",
        "urllib3",
        "certifi",
        "cv2",
        "numpy",
        "tensorflow",
        "requests",
        "crcmod",
    }
)


def imported_modules(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(part: str) -> list[Path]:
    return [path for path in (ROOT / part).rglob("*.py") if "vendor" not in path.parts]


@pytest.mark.parametrize("part", sorted(PARTS))
def test_part_imports_only_what_the_rule_allows(part: str) -> None:
    allowed = MAY_IMPORT[part]
    broken = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(part)
        for module in imported_modules(path.read_text(encoding="utf-8"))
        if module.split(".")[0] in PARTS - {part}
        and not any(module == prefix or module.startswith(prefix + ".") for prefix in allowed)
    ]
    assert not broken


def test_function_imports_only_the_standard_library_and_what_its_package_carries() -> None:
    known = FUNCTION_LIBRARIES | sys.stdlib_module_names
    foreign = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources("function")
        for module in imported_modules(path.read_text(encoding="utf-8"))
        if module.split(".")[0] not in known
    ]
    assert not foreign


def test_every_part_has_sources_so_that_the_rule_is_not_vacuous() -> None:
    assert all(sources(part) for part in PARTS - {"function"})


def test_until_the_loader_runs_nothing_is_imported_that_only_it_needs() -> None:
    """What the function's process imports before it starts the loader's process delays every start."""
    program = (
        "import sys, loader; print(*sorted({'urllib3', 'zstandard', 'oss2', 'heavylift.runtime.worker'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "function", capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
