"""Laws of OSS's signature V4, with the official signer as the oracle."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from urllib.parse import quote, urlencode

from alibabacloud_oss_v2 import credentials
from alibabacloud_oss_v2.signer import SignerV4
from alibabacloud_oss_v2.types import HttpRequest, SigningContext
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.oss_claims import as_received, claim_of

REGION = "cn-hangzhou"
SIGNED_AT = 1_702_743_657.0
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10)
VALUE = st.text("abcXYZ019-_.~/ ", min_size=1, max_size=10).map(str.strip)


@settings(deadline=None)
@given(
    key=TEXT,
    query=st.dictionaries(st.text("abc-", min_size=1, max_size=5), TEXT | st.just(""), max_size=3),
    meta=VALUE,
    token=st.sampled_from([None, "token"]),
    presigned=st.booleans(),
    additional=st.sampled_from([[], ["range"]]),
)
def test_what_the_official_signer_signs_is_right(
    key: str, query: dict[str, str], meta: str, token: str | None, presigned: bool, additional: list[str]
) -> None:
    request = HttpRequest("PUT", f"http://b.oss-{REGION}.aliyuncs.com/k?{urlencode(query, quote_via=quote)}")
    request.headers.update({"x-oss-meta-a": meta, "Range": "bytes=0-1", "Content-Type": "text/plain"})
    now = datetime.fromtimestamp(SIGNED_AT, timezone.utc)
    context = SigningContext(
        product="oss",
        region=REGION,
        bucket="b",
        key=key,
        request=request,
        credentials=credentials.StaticCredentialsProvider("ak", "sk", security_token=token).get_credentials(),
        signing_time=now,
        additional_headers=set(additional),
    )
    context.auth_method_query, context.expiration_time = presigned, now + timedelta(minutes=1)
    SignerV4().sign(context)
    claim = claim_of(as_received(request, bucket="b", key=key), SIGNED_AT)
    assert (claim.access_key_id, claim.security_token) == ("ak", token)
    claim.verify("sk")
