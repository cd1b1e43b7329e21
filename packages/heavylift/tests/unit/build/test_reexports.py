"""Which modules may be executed later: those that hold imports and constants, of the packages that were named."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.reexports import find_reexports


@pytest.mark.parametrize(
    ("source", "lazy"),
    [
        ("from a import b as b\nimport sys as _sys\n", True),
        ('"""Names."""\nfrom . import part\n__all__ = ["part", "other"]\n__version__ = "1"\n', True),
        ("from __future__ import annotations\nfrom a import b\n", True),
        ("value = 1\n", False),  # nothing is won
        ("", False),
        ("from a import *\n", False),  # the names are not known
        ("import a\na.register()\n", False),
        ("from a import b\nb = b()\n", False),
        ("from a import b\ndel b\n", False),
        ("from a import b\n__path__ = ['elsewhere']\n", False),
        ("from a import b\nb.name = 1\n", False),
        ("try:\n    import a\nexcept ImportError:\n    a = None\n", False),
        ("from a import b\n\ndef __getattr__(name):\n    return b\n", False),
        ("import a\x00\n", False),
        ("from a import (\n", False),
    ],
)
def test_modules_that_only_name_others_are_found(tmp_path: Path, source: str, lazy: bool) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/api.py").write_text(source)
    assert find_reexports(tmp_path, ["package"], ["package/api.py"]) == ["package/api.py"] * lazy


def test_only_imported_modules_below_the_packages_are_looked_at(tmp_path: Path) -> None:
    for name in ("a/__init__.py", "a/b/c.py", "a/b/unused.py", "ab/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("import sys\n")
    imported = ["ab/d.py", "a/b/c.py", "a/__init__.py", "a/b/gone.py"]
    assert find_reexports(tmp_path, ["a"], imported) == ["a/__init__.py", "a/b/c.py"]
    assert find_reexports(tmp_path, ["a.b"], imported) == ["a/b/c.py"]
