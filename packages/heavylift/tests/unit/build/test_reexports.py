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
    assert find_reexports(tmp_path, ["package"], ["package/api.py"]) == {"package": ["package/api.py"] * lazy}


def test_only_imported_modules_below_the_packages_are_looked_at(tmp_path: Path) -> None:
    for name in ("a/__init__.py", "a/b/c.py", "a/b/unused.py", "ab/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("import sys\n")
    imported = ["ab/d.py", "a/b/c.py", "a/__init__.py", "a/b/gone.py"]
    assert find_reexports(tmp_path, ["a", "a.b"], imported) == {"a": ["a/__init__.py", "a/b/c.py"], "a.b": ["a/b/c.py"]}


CIRCLES = {
    "by names": ("from p.impl import thing\n", "from p.api import thing as again\nthing = 1\n"),
    "by a submodule": ("from p.impl import thing\n", "import p.api.part\nthing = 1\n"),
    "by dots": ("from ..p.impl import thing\n", "from . import api\nthing = 1\n"),
    "over another": ("from p.over import thing\n", "import p.api\nthing = 1\n"),
    "under a condition": (
        "from p.impl import thing\n",
        "try:\n    import p.api\nexcept ImportError:\n    pass\nthing = 1\n",
    ),
}


@pytest.mark.parametrize("circle", CIRCLES)
def test_a_module_that_what_it_imports_imports_again_is_executed_as_ever(tmp_path: Path, circle: str) -> None:
    api, impl = CIRCLES[circle]
    over = "from p.impl import thing\nprint()\n"
    files = {
        "p/__init__.py": "print()\n",
        "p/api/__init__.py": api.replace("..", "..."),
        "p/api/part.py": "",
        "p/impl.py": impl,
    }
    files["p/over.py"] = over
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert find_reexports(tmp_path, ["p"], files) == {"p": []}


@pytest.mark.parametrize(
    "use", ["def call():\n    from p import api\n", "from p import other\n", "from p.other import x\n"]
)
def test_what_a_package_or_a_function_imports_makes_no_circle(tmp_path: Path, use: str) -> None:
    files = {
        "p/__init__.py": "from p import api\nprint()\n",
        "p/api.py": "from p.impl import thing\n",
        "p/impl.py": f"{use}print()\n",
    }
    files["p/other.py"] = "x = 1\n"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert find_reexports(tmp_path, ["p"], files) == {"p": ["p/api.py"]}
