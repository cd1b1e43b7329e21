"""Imports of a code package: the contracts of pyproject.toml say who may import whom, but not which libraries a package has."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

from tests.support.paths import HEAVYLIFT, ROOT

# What stands beside loader.py in the code package: its own modules, and what runtime/requirements.txt and
# layers_build/applib.txt bring.
FUNCTION_LIBRARIES = frozenset(
    {
        "loader",
        "index",
        "jobs",
        "pictures",
        "heavylift.runtime",
        "heavylift.contracts",
        "heavylift.errors",
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


FOLDERS = (ROOT / "function", HEAVYLIFT / "heavylift" / "runtime", HEAVYLIFT / "heavylift" / "contracts")


def is_known(module: str) -> bool:
    known = FUNCTION_LIBRARIES | sys.stdlib_module_names
    return module.split(".")[0] in known or any(module == each or module.startswith(f"{each}.") for each in known)


def test_function_imports_only_the_standard_library_and_what_its_package_carries() -> None:
    foreign = [
        f"{path.relative_to(ROOT)} imports {module}"
        for folder in FOLDERS
        for path in folder.rglob("*.py")
        for module in imported_modules(path.read_text(encoding="utf-8"))
        if not is_known(module)
    ]
    assert not foreign


def test_every_folder_has_sources_so_that_the_rule_is_not_vacuous() -> None:
    assert all(list(folder.rglob("*.py")) for folder in FOLDERS)


def test_until_the_loader_runs_nothing_is_imported_that_only_it_needs() -> None:
    """Every import of the function's process before it starts the loader's process delays the start."""
    program = "import sys, loader; print(*sorted({'urllib3', 'zstandard', 'oss2', 'heavylift.runtime.worker'} & {*sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "function", capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
