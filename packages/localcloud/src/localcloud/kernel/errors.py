"""The two roots of errors: one for the operator of the embedded cloud, one for the clients of its APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class LocalCloudError(Exception):
    """The embedded cloud cannot go on: the message tells the operator what was wrong, where, and what to do about it."""


class ApiError(Exception):
    """The answer to a caller of an API instead of a result. Each API has a subclass with its codes.

    Args:
        code: the API's error code, `EntityNotExist.Role`.
        message: a sentence for the caller.
        status: the HTTP status; None: the one in `codes`.

    Raises:
        ValueError: the code is not in `codes`.
    """

    codes: ClassVar[Mapping[str, int]] = {}  # HTTP status by code, or by a code's part before the first point

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = self._status_of(code) if status is None else status

    @classmethod
    def _status_of(cls, code: str) -> int:
        status = cls.codes.get(code) or cls.codes.get(code.partition(".")[0])
        if status is None:
            raise ValueError(f"{code} is not among the codes of {cls.__name__}")
        return status
