"""The part `cloud` of `make bench`, with small amounts: a real embedded cloud, and nginx where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import oss2
import pytest

from bench import serving
from bench.client import send_all
from bench.nginx import find_nginx

AMOUNTS = serving.Amounts(large=8 * 1024**2, ranges=4, connections=2, small=50, folders=3, keys=10)


def test_every_figure_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REST", 0.1)
    (sample,) = serving.measure(tmp_path, 1, AMOUNTS)
    for start in (sample.first, sample.again):
        assert start.seconds > start.busy / 4 > 0
        assert start.memory > 10_000_000
    assert (sample.nginx is None) == (find_nginx() is None)
    for rates in (sample.ours, sample.nginx):
        assert rates is None or min(rates.ranged, rates.one, rates.small, rates.small_core) > 0
    assert min(sample.listing.flat, sample.listing.prefix) > sample.listing.rolled > 0


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[oss2.Bucket]:
    folder = tmp_path_factory.mktemp("serving")
    serving.fill(folder, AMOUNTS)
    with serving.running(folder) as (_, filled):
        yield filled


def test_keys_that_the_bench_makes_are_listed(bucket: oss2.Bucket) -> None:
    found = bucket.list_objects(prefix="keys/", delimiter="/", max_keys=1000)
    assert len(found.prefix_list) == AMOUNTS.folders
    keys = [each.key for each in bucket.list_objects(prefix="keys/00001/", max_keys=1000).object_list]
    assert keys == [f"keys/00001/{number:05}" for number in range(AMOUNTS.keys)]
    assert bucket.get_object(keys[0]).read() == bytes(serving.LITTLE)


def test_a_refused_request_is_no_measurement(bucket: oss2.Bucket) -> None:
    host, _, port = bucket.endpoint.partition("://")[2].partition(":")
    request = b"GET /none/none HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with pytest.raises(RuntimeError, match="not the answer that was expected"):
        send_all((host, int(port)), [request], connections=1)
