"""Object Storage Service through its official client, for the function's own requests: signed with V4, errors as sentences.

Importing this module takes as long as importing oss2; so no other module of this package imports it, nor does `loader`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import oss2
import requests

from heavylift.contracts.failures import ConfigurationError, StoreError, TransientStoreError
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.refusals import refusal
from heavylift.runtime.settings import Settings, require_bucket

TIMEOUTS = (5.0, 10.0)  # seconds to connect, and without a byte


def open_bucket(settings: Settings, credentials: Credentials) -> oss2.Bucket:
    """Return a client of the function's bucket.

    Args:
        settings: say which bucket.
        credentials: sign the requests.

    Raises:
        ConfigurationError: the environment does not say which bucket, or says something impossible.
    """
    require_bucket(settings)
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
            connect_timeout=TIMEOUTS,
            region=settings.region,
        )
    except oss2.exceptions.ClientError as error:
        raise ConfigurationError(
            f"Bucket, Endpoint: {settings.bucket!r} at {settings.endpoint!r} cannot be a bucket ({error.body})"
        ) from error


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
    return refusal(
        error.status,
        code=error.code,
        message=error.message,
        ec=error.ec,
        request_id=error.request_id,
        action=action,
        resource=resource,
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
