"""Errors of the Function Compute API: each has its code and its HTTP status.

Source: Function Compute, "Public errors" of API versions 2016-08-15, 2021-04-06 and 2023-03-30.
"""

from __future__ import annotations

from localcloud.kernel.errors import ApiError

STATUS = {
    "AccessDenied": 403,
    "EntityTooLarge": 400,
    "FunctionAlreadyExists": 409,
    "FunctionNotFound": 404,
    "InstanceNotAllowed": 412,  # of the embedded cloud alone: what it has no sandbox or no Python for
    "InternalServerError": 500,
    "InvalidAccessKeyID": 403,
    "InvalidArgument": 400,
    "MissingRequiredHeader": 400,
    "NotImplemented": 501,
    "ResourceExhausted": 429,
    "ServiceAlreadyExists": 409,
    "ServiceNotEmpty": 409,
    "ServiceNotFound": 404,
    "SignatureNotMatch": 403,
    "TriggerAlreadyExists": 409,
    "TriggerNotFound": 404,
}


class FcError(ApiError):
    """A refused request.

    Args:
        code: a key of `STATUS`.
        message: a sentence for the caller.
        status: the HTTP status where HTTP itself names another one than the code; 0: the code's.

    Raises:
        ValueError: Function Compute has no such code.
    """

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        if code not in STATUS:
            raise ValueError(f"Function Compute has no error code {code!r}")
        super().__init__(code, message, status or STATUS[code])
