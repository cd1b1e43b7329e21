"""Keys and versions of objects: their form, and the errors that name one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from localcloud.oss.errors import OssError
from localcloud.oss.model import MAX_KEY

_VERSION = re.compile(r"null|CAE[A-Za-z0-9._-]{1,125}", re.ASCII)


def check_key(key: str) -> None:
    """Refuse what cannot be an object's key (OSS, "Objects": naming conventions; "HTTP status code 400").

    Raises:
        OssError: InvalidObjectName, InvalidArgument (not UTF-8).
    """
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise OssError("InvalidArgument", "The characters encoding must be utf-8.") from error
    if length > MAX_KEY:
        raise OssError(
            "InvalidObjectName", f"The Length of Object name must be less than {MAX_KEY + 1}.", {"ObjectName": key}
        )
    if not key or key[0] in "/\\":
        raise OssError(
            "InvalidObjectName",
            "The specified object is not valid: it begins neither with / nor with \\ nor is it empty.",
            {"ObjectName": key},
        )


def check_version(version: str) -> None:
    """Refuse what cannot be a version's id: `null`, or letters and digits, dots and hyphens that begin as OSS's ids do.

    The words are from what users of OSS report; that only the form is looked at is assumed.

    Raises:
        OssError: InvalidArgument.
    """
    if not version:
        raise OssError("InvalidArgument", "Version id cannot be the empty string", {"ArgumentName": "versionId"})
    if not _VERSION.fullmatch(version):
        raise OssError(
            "InvalidArgument",
            "Invalid version id specified",
            {"ArgumentName": "versionId", "ArgumentValue": version[:100]},
        )


def no_such_key(key: str, headers: Mapping[str, str] | None = None) -> OssError:
    """Return the error for a key under which nothing stands."""
    return OssError("NoSuchKey", "The specified key does not exist.", {"Key": key}, headers)


def already_exists(key: str) -> OssError:
    """Return the error for a key whose object must not be replaced."""
    return OssError(
        "FileAlreadyExists", "The object you specified already exists and can not be overwritten.", {"Key": key}
    )
