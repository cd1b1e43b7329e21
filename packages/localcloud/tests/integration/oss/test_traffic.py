"""Who pays for traffic, and how fast it may be: pay-by-requester, and `x-oss-traffic-limit`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import oss2
import oss2.models
import pytest
import requests

from tests.support.cloud import Cloud
from tests.support.roles import assume_role

LIMIT = "x-oss-traffic-limit"
RATE = 8 * 1024**2  # bit/s: 1 MiB a second
CONTENT = b"x" * (512 * 1024)  # half a second


def seconds_of(call: Callable[[], object]) -> float:
    begun = time.monotonic()
    call()
    return time.monotonic() - begun


def test_uploads_and_downloads_are_as_slow_as_they_ask_for(bucket: oss2.Bucket) -> None:
    headers = {LIMIT: str(RATE)}
    assert seconds_of(lambda: bucket.put_object("a", CONTENT, headers)) > 0.4
    assert seconds_of(lambda: bucket.get_object("a", headers=headers).read()) > 0.4
    url = bucket.sign_url("GET", "a", 60, params={LIMIT: str(RATE)}, slash_safe=True)
    assert seconds_of(lambda: requests.get(url, timeout=10)) > 0.4
    assert bucket.get_object("a").read() == CONTENT
    answer = bucket.get_object("a", headers=headers, byte_range=(1, 5))
    assert (answer.read(), answer.headers["Content-Range"]) == (b"x" * 5, f"bytes 1-5/{len(CONTENT)}")
    told = bucket.get_object("a", headers=headers)
    assert (told.headers["x-oss-qos-delay-time"], len(told.read())) == ("500", len(CONTENT))


@pytest.mark.parametrize("limit", ["1", "838860801", "abc", "-819200", "8e6", "", "9" * 400])
def test_a_limit_out_of_range_is_refused(bucket: oss2.Bucket, limit: str) -> None:
    bucket.put_object("a", b"1")
    calls: tuple[Callable[[], Any], ...] = (
        lambda: bucket.put_object("b", b"1", {LIMIT: limit}),
        lambda: bucket.get_object("a", params={LIMIT: limit}),
    )
    for call in calls:
        with pytest.raises(oss2.exceptions.ServerError) as error:
            call()
        assert (error.value.status, error.value.code, error.value.details["EC"]) == (
            *(400, "InvalidArgument"),
            "0004-00000502",
        )
    assert not bucket.object_exists("b")


def test_a_limit_stands_in_one_place(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object("a", params={LIMIT: "819200"}, headers={LIMIT: "819200"})
    assert (error.value.status, error.value.details["EC"]) == (400, "0004-00000501")


def test_who_reads_from_a_bucket_that_requesters_pay_for_is_somebody(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.put_bucket_acl("public-read-write")
    bucket.put_object("a", b"1")
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}"
    assert requests.get(f"{url}/a", timeout=10).content == b"1"
    bucket.put_bucket_request_payment("Requester")
    assert bucket.get_bucket_request_payment().payer == "Requester"
    for method, path in (("GET", "/a"), ("HEAD", "/a"), ("PUT", "/b"), ("GET", "/"), ("DELETE", "/a")):
        refused = requests.request(method, url + path, headers={"x-oss-request-payer": "requester"}, timeout=10)
        assert (method, refused.status_code, refused.headers["x-oss-ec"]) == (method, 403, "0003-00000701")
    form = requests.post(f"{url}/", data={"key": "c"}, files={"file": b"1"}, timeout=10)
    assert (form.status_code, form.headers["x-oss-ec"]) == (403, "0003-00000701")
    assert requests.get(bucket.sign_url("GET", "a", 60), timeout=10).content == b"1"
    action = {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": [f"acs:oss:*:*:{bucket.bucket_name}/*"]}
    role = cloud.bucket(bucket.bucket_name, assume_role(cloud, action))  # of the owner's account, which pays
    assert role.get_object("a").read() == b"1"
    assert role.get_object("a", headers={"x-oss-request-payer": "requester"}).read() == b"1"
    bucket.put_bucket_request_payment("BucketOwner")
    assert requests.get(f"{url}/a", timeout=10).content == b"1"
