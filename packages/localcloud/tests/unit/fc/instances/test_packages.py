"""The packages that runtimes have built in, as far as they are installed here."""

from __future__ import annotations

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
