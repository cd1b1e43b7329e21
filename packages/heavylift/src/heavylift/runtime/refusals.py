"""Turns refusals of OSS into errors: each names the request, the reason and the remedy.

Standard library only: the deployment's handler carries this module as well as the loader does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from heavylift.contracts.failures import (
    AccessDeniedError,
    EmptyObjectError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    TransientStoreError,
)

_KINDS: dict[int, type[StoreError]] = {
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


def refusal(
    status: int, *, code: str, message: str, ec: str, request_id: str, action: str, resource: str
) -> StoreError:
    """Return the error that tells of a refused request.

    Args:
        status: of HTTP.
        code: OSS's, such as `NoSuchKey`; empty where there is none.
        message: OSS's.
        ec: OSS's finer code, by which its documents explain a failure; empty where there is none.
        request_id: by which OSS's support finds the request.
        action: the RAM action of the request, `oss:GetObject`.
        resource: `bucket/key`.
    """
    kind = TransientStoreError if status >= 500 else _KINDS.get(status, StoreError)
    advice = _ADVICE.get(code, "see https://www.alibabacloud.com/help/en/oss/support/overview-of-error-codes")
    codes = f"{code or 'no code'}, status {status}, EC {ec or 'none'}, request {request_id}"
    return kind(
        f"oss://{resource}: {action} was refused ({codes}): {message.rstrip('.')}; "
        + advice.format(action=action, resource=resource)
    )


def read_refusal(status: int, headers: Mapping[str, str], body: bytes, *, action: str, resource: str) -> StoreError:
    """Return the error that tells of a refused request.

    Args:
        status: of HTTP.
        headers: of the answer.
        body: of the answer; an answer to HEAD has none, and the header `x-oss-err` in its place.
        action: the RAM action of the request, `oss:GetObject`.
        resource: `bucket/key`.
    """
    from xml.etree import ElementTree  # only a start that is refused pays for it

    found: dict[str, str] = {}
    try:
        body = body or base64.b64decode(headers.get("x-oss-err", ""))
        found = {each.tag: each.text or "" for each in ElementTree.fromstring(body)}  # noqa: S314 - of the store
    except (ElementTree.ParseError, binascii.Error):
        pass  # of a proxy, or of no OSS: the status tells
    return refusal(
        status,
        code=found.get("Code", ""),
        message=found.get("Message", ""),
        ec=found.get("EC", "") or headers.get("x-oss-ec", ""),
        request_id=headers.get("x-oss-request-id", ""),
        action=action,
        resource=resource,
    )
