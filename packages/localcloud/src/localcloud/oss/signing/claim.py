"""Claims of requests to be from somebody, and the checks that both versions of signatures share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from localcloud.kernel.times import from_basic, to_milliseconds
from localcloud.kernel.values import same_secret
from localcloud.oss.errors import OssError

MAX_SKEW = 15 * 60  # seconds; OSS answers RequestTimeTooSkewed beyond it


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedRequest:
    """The parts of an HTTP request that a signature covers."""

    method: str
    bucket: str  # empty for the service
    key: str  # empty for a bucket
    query: Mapping[str, str]  # decoded
    headers: Mapping[str, str]  # lower-case names
    path: str = ""  # as it came; S3's signatures cover it


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The access key that a request names, and the signature that is to prove it."""

    access_key_id: str
    security_token: str | None
    signature: str
    string_to_sign: bytes
    compute: Callable[[str], str]  # from the access key secret to the right signature
    alternative: Callable[[str], str] | None = None  # likewise, where clients write one string in two ways

    def verify(self, secret: str) -> None:
        """Check the signature.

        Raises:
            OssError: SignatureDoesNotMatch, with the string that should have been signed.
        """
        if same_secret(self.compute(secret), self.signature):
            return
        if self.alternative and same_secret(self.alternative(secret), self.signature):
            return
        raise OssError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and "
            "signing method.",
            {
                "OSSAccessKeyId": self.access_key_id,
                "SignatureProvided": self.signature,
                "StringToSign": self.string_to_sign.decode(errors="replace"),
            },
        )


def parse_date(text: str) -> float:
    """Return the time of a request, in seconds since the epoch.

    Raises:
        OssError: AccessDenied (no date, or one that nobody can read).
    """
    try:
        if text.endswith("Z") and "T" in text:
            return from_basic(text)
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError) as error:
        raise OssError("AccessDenied", "OSS authentication requires a valid Date.") from error


def check_skew(signed_at: float, now: float) -> None:
    """Refuse a request whose time is another than the service's.

    Raises:
        OssError: RequestTimeTooSkewed.
    """
    if abs(now - signed_at) > MAX_SKEW:
        raise OssError(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            {
                "MaxAllowedSkewMilliseconds": str(MAX_SKEW * 1000),
                "RequestTime": to_milliseconds(signed_at),
                "ServerTime": to_milliseconds(now),
            },
        )


def check_expiry(until: float, now: float) -> None:
    """Refuse a URL that has expired, which is good to the end of its last second (the suite of ossutil).

    Raises:
        OssError: AccessDenied.
    """
    if int(now) > until:
        raise OssError(
            "AccessDenied",
            "Request has expired.",
            {"Expires": to_milliseconds(until), "ServerTime": to_milliseconds(now)},
        )
