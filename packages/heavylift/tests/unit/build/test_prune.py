from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.errors import BuildError
from heavylift.build.prune import DEFAULT_RULES, prune, read_rules, survey


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_is_never_read_goes_and_what_runs_stays(tmp_path: Path) -> None:
    stays = {"lib/__init__.py", "lib/core.so", "lib/data.bin", "lib-1.dist-info/METADATA", "tensorflow/_api/test/x.py"}
    stays |= {"scipy/stats/_page_trend_test.py", "Crypto/Cipher/AES.py"}
    goes = {
        "lib/include/a.h",
        "lib/tests/test_a.py",
        "lib/a_test.py",
        "lib/core.pyi",
        "lib/x.pyx",
        "bin/tool",
        "Crypto/SelfTest/Cipher/test_AES.py",
        "lib-1.dist-info/RECORD",
    }
    make(tmp_path, *stays, *goes)
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == stays


def test_protocols_go_where_their_generated_modules_are_there(tmp_path: Path) -> None:
    stays = {"lib/a_pb2.py", "tools/_proto/google/any.proto"}  # which a compiler of protocols reads
    make(tmp_path, *stays, "lib/a.proto")
    pruning = prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert pruning.removed == {"lib/a.proto": "protocols"}
    assert names(tmp_path) == stays


def test_folders_that_are_empty_then_go_too(tmp_path: Path) -> None:
    make(tmp_path, "lib/include/deep/a.h", "lib/b.py")
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert not (tmp_path / "lib" / "include").exists()


def test_each_rule_says_what_it_took(tmp_path: Path) -> None:
    make(tmp_path, "lib/a.h", "lib/b.h", "lib/c.py")
    pruning = prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert pruning.removed == {"lib/a.h": "headers", "lib/b.h": "headers"}


def test_a_users_rule_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[headers]\nglobs = []\n[examples]\nwhy = "demos"\nglobs = ["*/examples/*"]\n')
    make(tmp_path / "lib", "p/a.h", "p/examples/demo.py", "p/b.py")
    prune(tmp_path / "lib", survey(tmp_path / "lib", read_rules([DEFAULT_RULES, mine])))
    assert names(tmp_path / "lib") == {"p/a.h", "p/b.py"}


def test_keep_brings_files_back(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[headers]\nglobs = ["*.h"]\nkeep = ["*/jit/*"]\n')
    make(tmp_path / "lib", "p/a.h", "p/jit/b.h")
    prune(tmp_path / "lib", survey(tmp_path / "lib", read_rules([mine])))
    assert names(tmp_path / "lib") == {"p/jit/b.h"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[headers]\nglob = []\n",
            r"\[headers\] must be a table of `why`, `globs`, `keep` and `beside`, and has glob$",
        ),
        ('[headers]\nglobs = "*.h"\n', r"\[headers\] globs must be a list"),
        ('[headers]\nbeside = ["_pb2.py"]\n', r"\[headers\] beside must be a text"),
        ("headers = 3\n", r"\[headers\] must be a table"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_wrong_rule_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    with pytest.raises(BuildError, match=said):
        read_rules([mine])
