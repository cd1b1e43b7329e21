"""Laws of OSS's signature V1, with the official signer as the oracle."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from alibabacloud_oss_v2 import credentials
from alibabacloud_oss_v2.signer import SignerV1
from alibabacloud_oss_v2.types import HttpRequest, SigningContext
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.oss_claims import as_received, claim_of

DATE = "Thu, 17 Nov 2005 18:49:58 GMT"
SIGNED_AT = parsedate_to_datetime(DATE).timestamp()
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10)


@settings(deadline=None)
@given(key=TEXT, value=TEXT, token=st.sampled_from([None, "token"]))
def test_what_the_official_signer_signs_is_right(key: str, value: str, token: str | None) -> None:
    query = quote(value, safe="")
    request = HttpRequest("PUT", f"http://b.oss-cn-hangzhou.aliyuncs.com/k?response-content-type={query}&other=1")
    signer = credentials.StaticCredentialsProvider("id", "secret", security_token=token)
    now = datetime.fromtimestamp(SIGNED_AT, timezone.utc)
    context = SigningContext(
        bucket="b", key=key, request=request, credentials=signer.get_credentials(), signing_time=now
    )
    context.auth_method_query, context.expiration_time = True, now
    SignerV1().sign(context)
    claim = claim_of(as_received(request, bucket="b", key=key), SIGNED_AT)
    assert (claim.access_key_id, claim.security_token) == ("id", token)
    claim.verify("secret")
