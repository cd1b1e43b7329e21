"""The errors of STS: one class, whose codes are the documented ones.

Source: STS, "FAQ about RAM roles and STS tokens".
"""

from __future__ import annotations

from localcloud.kernel.errors import ApiError

# HTTP status by the first part of the code.
STATUS = {
    "EntityNotExist": 404,
    "InvalidParameter": 400,
    "MissingParameter": 400,
    "NoPermission": 403,
}


class StsError(ApiError):
    """A call that STS refuses; nothing has changed."""

    codes = STATUS
