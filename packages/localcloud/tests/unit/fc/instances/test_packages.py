"""The packages that runtimes have built in, as far as they are installed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.fc.instances.packages import built_in_packages


@pytest.mark.parametrize(
    ("runtime", "there", "missing"),
    [
        ("python3.10", {"oss2", "aliyunsdkcore", "aliyun", "fc2", "PIL", "requests"}, {"alibabacloud_sls20201230"}),
        ("python3.12", {"oss2", "alibabacloud_sls20201230", "PIL", "requests"}, {"fc2", "aliyun"}),
        ("python3.9", {"oss2", "aliyun", "numpy"}, {"alibabacloud_sls20201230"}),
        ("custom", set(), {"oss2"}),
    ],
)
def test_a_runtime_has_what_the_platform_lists(runtime: str, there: set[str], missing: set[str]) -> None:
    found = built_in_packages(runtime)
    assert there <= found.keys()
    assert not missing & found.keys()
    assert all(path.exists() for path in found.values())


def test_files_that_a_package_lists_and_has_not_installed_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "pymysql-1.egg-info"  # as `setup.py install` leaves it
    for path in (tmp_path / "pymysql" / "__init__.py", info / "PKG-INFO", info / "SOURCES.txt"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: pymysql\nVersion: 1\n")
    (info / "SOURCES.txt").write_text("LICENSE\nsetup.py\npymysql/__init__.py\npymysql.egg-info/PKG-INFO\n")
    monkeypatch.syspath_prepend(tmp_path)
    built_in_packages.cache_clear()
    try:
        found = built_in_packages("python3.10")
    finally:
        built_in_packages.cache_clear()
    assert found["pymysql"] == tmp_path / "pymysql"
    assert not {name for name, path in found.items() if not path.exists() or name.endswith("-info")}
