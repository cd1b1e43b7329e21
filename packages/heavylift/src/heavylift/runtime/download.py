"""Objects of OSS, read in ranges: signed with V4, errors as sentences.

What reads needs of oss2 is little, and its import takes longer than a start can spare: half of the time in which the first
files could arrive.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

from heavylift.contracts.failures import ConfigurationError, StoreError, TransientStoreError
from heavylift.runtime.answers import ProtocolError
from heavylift.runtime.connections import Answer, ConnectError, Connections, InsecureError
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.settings import BUCKET_NAME, Settings, require_bucket
from heavylift.runtime.signing import encode_key, sign
from heavylift.runtime.store import Body

CHUNK = 256 * 1024  # bytes read from a connection at a time, at most
CONNECT = 5.0  # seconds to connect, at most
POOL = 16  # connections kept open; more than any load uses at once

MAX_LABEL = 63  # bytes of a part of a host's name (RFC 1035, section 2.3.4)

_BUCKET = re.compile(BUCKET_NAME)
_SIZE = re.compile(r"[0-9]{1,18}")  # of an object, in bytes


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
        secure, host, port, self._prefix = _address(settings)
        self._connections = Connections(host, port, size=POOL, authorities=_authorities() if secure else None)

    def renew(self, credentials: Credentials) -> None:
        """Sign with other credentials from now on."""
        self._credentials = credentials

    def describe(self, key: str) -> str:
        """Return the object's URL in OSS's own notation."""
        return f"oss://{self._settings.bucket}/{key}"

    def ask(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Callable[[], Body]:
        """Ask for a part of an object; see `Store.ask`."""
        headers = {"Range": f"bytes={start}-{stop - 1}"} | ({"If-Match": etag} if etag else {})
        headers |= sign(
            "GET",
            self._settings.bucket,
            key,
            region=self._settings.region,
            credentials=self._credentials,
            headers={"x-oss-range-behavior": "standard"},
        )
        with self._errors(key):
            answer = self._connections.ask(
                f"{self._prefix}/{encode_key(key)}", headers, connect=min(CONNECT, seconds), seconds=seconds
            )
        return partial(self._body, key, answer)

    def _body(self, key: str, answer: Callable[[], Answer]) -> Body:
        with self._errors(key):
            response = answer()
            if response.status not in (200, 206):
                raise _refused(response, f"{self._settings.bucket}/{key}")
        try:
            size, found = _described(response.headers)
        except ValueError as error:
            response.close()
            raise StoreError(f"{self.describe(key)}: {error}; check that `Endpoint` is one of OSS") from error
        return Body(size, found, self._chunks(key, response))

    def _chunks(self, key: str, response: Answer) -> Iterator[bytes]:
        try:
            with self._errors(key):
                # What has come, without waiting for a whole chunk: on a slow link, a start must notice that its time is up.
                while chunk := response.read1(CHUNK):
                    yield chunk
        finally:
            response.close()  # ends a connection that was not read to its end

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        # The text of a connection error may hold a signed URL, its type never does.
        try:
            yield
        except InsecureError as error:
            raise StoreError(
                f"{self.describe(key)}: no secure connection ({error}); check `Endpoint` and its certificate"
            ) from error
        except UnicodeError as error:
            raise ConfigurationError(f"Endpoint: {self._settings.endpoint!r} is not an address") from error
        except ConnectError as error:
            raise TransientStoreError(
                f"{self.describe(key)}: no connection came about in time; check `Endpoint`, and that the function's network "
                "reaches it"
            ) from error
        except TimeoutError as error:
            raise TransientStoreError(
                f"{self.describe(key)}: the store fell silent, or is too slow ({type(error).__name__})"
            ) from error
        except (ProtocolError, OSError) as error:
            raise TransientStoreError(
                f"{self.describe(key)}: the connection failed ({type(error).__name__}); check `Endpoint`"
            ) from error


def _address(settings: Settings) -> tuple[bool, str, int, str]:
    """Return whether TLS is spoken, the host, its port, and what comes before a key in a request's path."""
    require_bucket(settings)
    endpoint = settings.endpoint if "://" in settings.endpoint else f"http://{settings.endpoint}"
    parts = urlsplit(endpoint)
    if not _BUCKET.fullmatch(settings.bucket) or not parts.hostname:
        raise ConfigurationError(f"Bucket, Endpoint: {settings.bucket!r} at {settings.endpoint!r} cannot be a bucket")
    secure = parts.scheme == "https"
    try:
        port = parts.port or (443 if secure else 80)
    except ValueError:
        port = 0
    host = parts.hostname if _is_number(parts.hostname) else f"{settings.bucket}.{parts.hostname}"
    if (
        parts.scheme not in ("http", "https")
        or not port
        or not all(0 < len(each) <= MAX_LABEL for each in host.split("."))
    ):
        raise ConfigurationError(f"Endpoint: {settings.endpoint!r} is not an address")
    return secure, host, port, f"/{settings.bucket}" if _is_number(parts.hostname) else ""


def _authorities() -> str:
    import certifi  # takes time to find its file, and an internal endpoint is reached without TLS

    return certifi.where()


def _is_number(host: str) -> bool:
    """Return whether the host is an address or localhost: a bucket's name cannot stand before it then, as oss2 has it."""
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost"


def _described(headers: Mapping[str, str]) -> tuple[int, str]:
    """Return the object's size and ETag; raise ValueError with a sentence about the one that is missing."""
    size = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length", "")
    if not _SIZE.fullmatch(size):
        raise ValueError(f"the answer does not tell the object's size ({size[:40]!r})")
    if not headers.get("ETag"):
        raise ValueError("the answer holds no ETag, by which the object's version is known")
    return int(size), headers["ETag"]


def _refused(response: Answer, resource: str) -> StoreError:
    from heavylift.runtime.refusals import read_refusal  # takes time to import, and no start that works needs it

    try:
        body = response.read(65536)
    finally:
        response.close()
    return read_refusal(response.status, response.headers, body, action="oss:GetObject", resource=resource)
