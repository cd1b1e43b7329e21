"""The version of a request's signature."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.signing.claim import SignedRequest
from localcloud.oss.signing.reading import read_claim


def test_a_request_without_a_signature_is_anonymous() -> None:
    request = SignedRequest(method="GET", bucket="b", key="k", query={"acl": ""}, headers={"host": "localhost"})
    assert read_claim(request, region="cn-hangzhou", now=0.0) is None


@pytest.mark.parametrize("authorization", ["Basic aWQ6c2VjcmV0", "AWS4-HMAC-SHA256 Credential=ak", "oss id:signature"])
def test_a_scheme_that_oss_does_not_know_is_refused(authorization: str) -> None:
    request = SignedRequest(method="GET", bucket="b", key="k", query={}, headers={"authorization": authorization})
    with pytest.raises(OssError, match="InvalidArgument"):
        read_claim(request, region="cn-hangzhou", now=0.0)
