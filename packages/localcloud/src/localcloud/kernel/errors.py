"""The two roots of errors: one for the operator of the embedded cloud, one for the clients of its APIs."""

from __future__ import annotations


class LocalCloudError(Exception):
    """What was wrong, where, and what to do about it: told to the operator."""


class ApiError(Exception):
    """What the caller of an API gets instead of a result.

    Attributes:
        code: the API's error code, `EntityNotExist.Role`.
        message: a sentence for the caller.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
