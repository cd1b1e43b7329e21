"""Objects of OSS, read in ranges: signed with V4, errors as sentences.

What reads needs of oss2 is little, and its import takes longer than a start can spare: half of the time in which the first
files could arrive.

Signature: https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import certifi
import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, SSLError

from .credentials import Credentials
from .errors import ConfigurationError, StoreError, TransientStoreError
from .refusals import refusal
from .settings import Settings, require_bucket
from .store import Body

CHUNK = 256 * 1024  # bytes read from a connection at a time, at most
TIMEOUT = urllib3.Timeout(connect=5.0, read=10.0)  # seconds to connect, and without a byte
POOL = 16  # connections kept open; more than any load uses at once
ALGORITHM = "OSS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"  # there is none

# https://www.alibabacloud.com/help/en/oss/user-guide/bucket-naming-conventions
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class OssStore:
    """Objects of the function's bucket, as a `Store`.

    Args:
        settings: say which bucket.
        credentials: sign the requests.

    Raises:
        ConfigurationError: the environment does not say which bucket, or says something impossible.
    """

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials
        self._address = _address(settings)
        self._pool = urllib3.PoolManager(maxsize=POOL, ca_certs=certifi.where(), timeout=TIMEOUT, retries=False)

    def describe(self, key: str) -> str:
        """Return the object's URL in OSS's own notation."""
        return f"oss://{self._settings.bucket}/{key}"

    def read(self, key: str, start: int, stop: int, etag: str | None) -> Body:
        """Read a part of an object; see `Store.read`."""
        headers = {"Range": f"bytes={start}-{stop - 1}"} | ({"If-Match": etag} if etag else {})
        headers |= self._signed(key, {"x-oss-range-behavior": "standard"})
        with self._errors(key):
            response = self._pool.request(
                "GET", f"{self._address}/{quote(key)}", headers=headers, preload_content=False, redirect=False
            )
            if response.status not in (200, 206):
                raise _refused(response, f"{self._settings.bucket}/{key}")
        size = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers["Content-Length"]
        return Body(int(size), response.headers["ETag"], self._chunks(key, response))

    def _chunks(self, key: str, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            with self._errors(key):
                # What has come, without waiting for a whole chunk: on a slow link, a start must notice that its time is up.
                while chunk := response.read1(CHUNK):
                    yield chunk
            response.release_conn()
        finally:
            response.close()  # ends a connection that was not read to its end

    def _signed(self, key: str, headers: dict[str, str]) -> dict[str, str]:
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/{self._settings.region}/oss/aliyun_v4_request"
        signed = {**headers, "x-oss-content-sha256": UNSIGNED, "x-oss-date": now}
        if self._credentials.security_token:
            signed["x-oss-security-token"] = self._credentials.security_token
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        request = f"GET\n/{self._settings.bucket}/{quote(key)}\n\n{lines}\n\n{UNSIGNED}"
        text = f"{ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        derived = f"aliyun_v4{self._credentials.access_key_secret}".encode()
        for word in (*scope.split("/"), text):
            derived = hmac.digest(derived, word.encode(), "sha256")
        signature = f"Credential={self._credentials.access_key_id}/{scope},Signature={derived.hex()}"
        return {**signed, "Authorization": f"{ALGORITHM} {signature}"}

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        # The text of a connection error may hold a signed URL, its type never does.
        try:
            yield
        except SSLError as error:
            raise StoreError(
                f"{self.describe(key)}: no secure connection ({type(error).__name__}); check `Endpoint` and its certificate"
            ) from error
        except LocationParseError as error:
            raise ConfigurationError(f"Endpoint: {self._settings.endpoint!r} is not an address") from error
        except (HTTPError, OSError) as error:
            raise TransientStoreError(
                f"{self.describe(key)}: the connection failed ({type(error).__name__}); check `Endpoint`"
            ) from error


def _address(settings: Settings) -> str:
    require_bucket(settings)
    endpoint = settings.endpoint if "://" in settings.endpoint else f"http://{settings.endpoint}"
    parts = urlsplit(endpoint)
    if not _BUCKET.fullmatch(settings.bucket) or not parts.hostname:
        raise ConfigurationError(f"Bucket, Endpoint: {settings.bucket!r} at {settings.endpoint!r} cannot be a bucket")
    if _is_number(parts.hostname):
        return f"{parts.scheme}://{parts.netloc}/{settings.bucket}"
    return f"{parts.scheme}://{settings.bucket}.{parts.netloc}"


def _is_number(host: str) -> bool:
    """Say whether the host is an address or localhost: a bucket's name cannot stand before it then, as oss2 has it."""
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost"


def _refused(response: urllib3.BaseHTTPResponse, resource: str) -> StoreError:
    body = response.read(65536)
    response.close()
    try:
        found = {each.tag: each.text or "" for each in ElementTree.fromstring(body)}  # noqa: S314 - of the store
    except ElementTree.ParseError:
        found = {}
    return refusal(
        response.status,
        code=found.get("Code", ""),
        message=found.get("Message", ""),
        ec=found.get("EC", ""),
        request_id=response.headers.get("x-oss-request-id", ""),
        action="oss:GetObject",
        resource=resource,
    )
