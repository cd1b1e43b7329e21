"""Object Storage Service through its official client: requests signed with V4, errors as sentences.

Importing this module costs half a second, which is oss2's own import; so nothing else in this package imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import oss2
import requests

from .credentials import Credentials
from .errors import (
    AccessDeniedError,
    ConfigurationError,
    EmptyObjectError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    TransientStoreError,
)
from .settings import Settings
from .store import Body

CHUNK = 256 * 1024  # bytes read from a connection at a time
TIMEOUTS = (5.0, 10.0)  # seconds to connect, and without a byte
POOL = 16  # connections kept open; more than any load uses at once

_LEAVES: dict[int, type[StoreError]] = {
    403: AccessDeniedError,
    404: ObjectNotFoundError,
    412: ObjectChangedError,
    416: EmptyObjectError,  # every range that is asked for begins inside the object, unless that is empty
    429: TransientStoreError,
}
# Codes: https://www.alibabacloud.com/help/en/oss/support/overview-of-error-codes
_ADVICE = {
    "NoSuchBucket": "check `Bucket`, and that `Endpoint` belongs to the bucket's region",
    "NoSuchKey": "upload the object, or correct the key",
    "AccessDenied": "let the function's role do {action} on acs:oss:*:*:{resource}",
    "InvalidAccessKeyId": "the access key was deleted or is disabled: use another one",
    "InvalidSecurityToken": "the security token does not belong to the access key: give the function a role",
    "SecurityTokenExpired": "the function's credentials have expired: the next instance gets new ones",
    "SignatureDoesNotMatch": "check the access key's secret and `Region`",
    "RequestTimeTooSkewed": "set this machine's clock",
    "PreconditionFailed": "the object was replaced while it was being read: upload under a new key instead",
    "InvalidRange": "the object is empty: upload it again",
}


def open_bucket(settings: Settings, credentials: Credentials, *, check_crc: bool = True) -> oss2.Bucket:
    """Return a client of the function's bucket.

    Args:
        settings: say which bucket.
        credentials: sign the requests.
        check_crc: compare the CRC-64 of what is moved with the store's; costs time per byte.

    Raises:
        ConfigurationError: the environment does not say which bucket, or says something impossible.
    """
    for name, value in (("Bucket", settings.bucket), ("Endpoint", settings.endpoint), ("Region", settings.region)):
        if not value:
            raise ConfigurationError(f"{name}: not set in the function's environment; it is needed to reach OSS")
    if credentials.security_token:
        auth = oss2.StsAuth(
            credentials.access_key_id,
            credentials.access_key_secret,
            credentials.security_token,
            auth_version=oss2.AUTH_VERSION_4,
        )
    else:
        auth = oss2.AuthV4(credentials.access_key_id, credentials.access_key_secret)
    try:
        return oss2.Bucket(
            auth,
            settings.endpoint,
            settings.bucket,
            session=oss2.Session(pool_size=POOL),
            connect_timeout=TIMEOUTS,
            enable_crc=check_crc,
            region=settings.region,
        )
    except oss2.exceptions.ClientError as error:
        raise ConfigurationError(
            f"Bucket, Endpoint: {settings.bucket!r} at {settings.endpoint!r} cannot be a bucket ({error.body})"
        ) from error


class OssStore:
    """Objects of one bucket, as a `Store`.

    Args:
        bucket: a client that does not check CRCs: the loader has digests.
    """

    def __init__(self, bucket: oss2.Bucket) -> None:
        self._bucket = bucket

    def describe(self, key: str) -> str:
        """Return the object's URL in OSS's own notation."""
        return f"oss://{self._bucket.bucket_name}/{key}"

    def read(self, key: str, start: int, stop: int, etag: str | None) -> Body:
        """Read a part of an object; see `Store.read`."""
        headers = {"x-oss-range-behavior": "standard"} | ({"If-Match": etag} if etag else {})
        with oss_errors("oss:GetObject", self._bucket.bucket_name, key):
            result = self._bucket.get_object(key, byte_range=(start, stop - 1), headers=headers)
        return Body(_object_size(result), result.headers["ETag"], self._chunks(key, result))

    def _chunks(self, key: str, result: Any) -> Iterator[bytes]:  # noqa: ANN401 - oss2 has no types
        try:
            with oss_errors("oss:GetObject", self._bucket.bucket_name, key):
                while chunk := result.read(CHUNK):
                    yield chunk
        finally:
            # Gives the connection back when all was read, else ends it.
            result.resp.response.close()


@contextmanager
def oss_errors(action: str, bucket: str, key: str) -> Iterator[None]:
    """Turn the client's errors into this package's.

    Args:
        action: the RAM action of the request made under it, `oss:GetObject`.
        bucket: its bucket.
        key: its object.

    Raises:
        StoreError: its subclasses say which kind.
    """
    name = f"oss://{bucket}/{key}"
    try:
        yield
    except oss2.exceptions.ServerError as error:
        raise _refused(error, action, f"{bucket}/{key}") from error
    except oss2.exceptions.RequestError as error:
        raise _broken(error.exception, name) from error
    except requests.RequestException as error:
        raise _broken(error, name) from error
    except oss2.exceptions.OssError as error:
        raise StoreError(f"{name}: {action} failed: {error.body}") from error


def _refused(error: Any, action: str, resource: str) -> StoreError:  # noqa: ANN401 - oss2 has no types
    kind = TransientStoreError if error.status >= 500 else _LEAVES.get(error.status, StoreError)
    advice = _ADVICE.get(error.code, "see https://www.alibabacloud.com/help/en/oss/support/overview-of-error-codes")
    code = f"{error.code or 'no code'}, status {error.status}, EC {error.ec or 'none'}, request {error.request_id}"
    return kind(
        f"oss://{resource}: {action} was refused ({code}): {error.message.rstrip('.')}; "
        + advice.format(action=action, resource=resource)
    )


def _broken(error: Exception, name: str) -> StoreError:
    # The text of a connection error may hold a signed URL, its type never does.
    if isinstance(error, requests.exceptions.SSLError):
        return StoreError(
            f"{name}: no secure connection ({type(error).__name__}); check `Endpoint` and its certificate"
        )
    if isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError):
        return TransientStoreError(f"{name}: the connection failed ({type(error).__name__}); check `Endpoint`")
    return StoreError(f"{name}: no request can be made ({type(error).__name__}); check `Endpoint` and `Bucket`")


def _object_size(result: Any) -> int:  # noqa: ANN401 - oss2 has no types
    """Return the size of the whole object: `Content-Range: bytes 0-9/100` (RFC 9110, section 14.4)."""
    if result.content_range:
        return int(result.content_range.rpartition("/")[2])
    return int(result.content_length)
