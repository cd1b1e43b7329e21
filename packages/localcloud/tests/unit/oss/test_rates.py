"""The rates of requests to buckets."""

from __future__ import annotations

import contextlib

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.rates import Rates
from localcloud.oss.settings.quality import SETTING
from localcloud.oss.settings.setting import keep
from tests.support.clock import Clock


def bucket(name: str = "b", **rates: int) -> Bucket:
    document = keep(SETTING.read(render(SETTING.root, rates), {}))
    settings = {SETTING.parameter: document}
    return Bucket(
        name=name,
        owner="1",
        region="cn-hangzhou",
        created=0.0,
        acl="private",
        storage_class="Standard",
        settings=settings,
    )


def taken(rates: Rates, of: Bucket, *, internal: bool = False) -> int:
    """The number of ten requests that are not refused."""
    count = 0
    for _ in range(10):
        with contextlib.suppress(OssError):
            rates.count(of, internal=internal)
            count += 1
    return count


@pytest.mark.parametrize(
    ("limits", "extranet", "intranet"),
    [
        ({}, 10, 10),
        ({"TotalQps": 3}, 3, 0),  # all that there are were taken over the other network
        ({"TotalQps": 8, "ExtranetQps": 2}, 2, 0),
        ({"ExtranetQps": 2}, 2, 10),
        ({"IntranetQps": 0}, 10, 0),
    ],
)
def test_so_many_requests_of_a_second_are_taken(limits: dict[str, int], extranet: int, intranet: int) -> None:
    clock = Clock()
    rates = Rates(clock)
    for _ in range(2):
        of = bucket("b", **limits)
        assert (taken(rates, of), taken(rates, of, internal=True)) == (extranet, intranet)
        clock.now += 1


def test_each_bucket_has_its_own() -> None:
    rates = Rates(Clock())
    assert [taken(rates, bucket(name, TotalQps=4)) for name in ("a", "b", "a")] == [4, 4, 0]
