"""What requirements ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.errors import BuildError
from heavylift.build.resolve import lock, read_requested
from heavylift.contracts.platform import DEFAULT_PLATFORM, Target

REQUIREMENTS = """
# heavy ones first
--extra-index-url=https://example.com/simple
-r more.txt
Torch_Vision[extra]>=1 ; python_version < "4"  # of pictures
  ruamel.yaml
./wheels/My.Own_thing-1.0-py3-none-any.whl
wheels/other-1.0+cpu-1-cp310-cp310-linux_x86_64.whl --hash=sha256:00
/a b/spaced-1-py3-none-any.whl
file:///wheels/by_url-1.0%2Bcpu-py3-none-any.whl
named @ file:///wheels/named-1.0-py3-none-any.whl
remote @ https://example.com/remote-1.0-py3-none-any.whl
"""


def test_packages_are_known_by_their_names_and_wheels_by_those_of_their_files(tmp_path: Path) -> None:
    (tmp_path / "applib.txt").write_text(REQUIREMENTS)
    names = ["torch-vision", "ruamel-yaml", "my-own-thing", "other", "by-url", "named", "remote"]
    assert read_requested(tmp_path / "applib.txt") == names


def test_files_that_it_includes_count_where_they_stand_and_constraints_do_not(tmp_path: Path) -> None:
    (tmp_path / "applib.txt").write_text("heavy\n-r more/base.txt\n-c constraints.txt\nlast\n-r absent.txt\n")
    (tmp_path / "constraints.txt").write_text("constrained<2\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("base\n--requirement=own.txt\n-r ../applib.txt\n")
    (tmp_path / "more" / "own.txt").write_text("own\n")
    assert read_requested(tmp_path / "applib.txt") == ["heavy", "base", "own", "last"]


def test_a_package_is_not_built_from_its_sources_by_another_python_than_the_targets(tmp_path: Path) -> None:
    (tmp_path / "applib.txt").write_text("--no-binary mine\nmine\n")
    with pytest.raises(
        BuildError, match=r"`--no-binary mine` needs a Python 3\.99 to build it by, and there is none here"
    ):
        lock(tmp_path / "applib.txt", tmp_path / "locks", Target("3.99", DEFAULT_PLATFORM))
    assert not list((tmp_path / "locks").iterdir())
