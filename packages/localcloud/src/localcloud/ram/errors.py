"""The errors of RAM and STS: one class, whose codes are the documented ones.

Sources: RAM, "Error codes"; STS, "FAQ about RAM roles and STS tokens".
"""

from __future__ import annotations

from localcloud.kernel.errors import ApiError

# HTTP status by the first part of the code.
STATUS = {
    "DeleteConflict": 409,
    "EntityAlreadyExists": 409,
    "EntityNotExist": 404,
    "InvalidParameter": 400,
    "LimitExceeded": 409,
    "MalformedPolicyDocument": 400,
    "MissingParameter": 400,
    "NoPermission": 403,
}


class RamError(ApiError):
    """A call that RAM or STS refuses; nothing has changed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, STATUS[code.partition(".")[0]])
