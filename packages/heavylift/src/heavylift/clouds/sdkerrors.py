"""Turns exceptions of the official SDKs and of the operating system into a sentence for the user.

An SDK is imported once there is an error to explain: most commands end without one.
"""

from __future__ import annotations

import re
from errno import ENOSPC

from heavylift.errors import HeavyliftError

# What urllib3 puts into the texts that requests, and the SDKs, hand on.
_UNKNOWN_NAME = re.compile(r"Failed to resolve '([^']+)'")
_HOST = re.compile(r"host='([^']+)', port=[0-9]+")
_REASON = re.compile(r"\[Errno -?[0-9]+\] ([^'\")]+)|(timed out)")
_NO_SUCH_NAME = "Name or service not known"  # getaddrinfo(3), EAI_NONAME


def explain(error: Exception) -> HeavyliftError | None:
    """Return a sentence about an exception for the user; None when it is neither an SDK's nor the operating system's.

    Args:
        error: what a command raised.
    """
    import oss2
    from Tea.exceptions import TeaException, UnretryableException

    if isinstance(error, oss2.exceptions.OssError):
        if isinstance(error, oss2.exceptions.ClientError):
            return HeavyliftError(f"OSS cannot be asked for this: {error.body}")
        if error.status < 0:  # no answer (oss2.exceptions, RequestError)
            return HeavyliftError(
                f"OSS does not answer ({shorten(error.body)}); check the network and the region's name, and try again"
            )
        return HeavyliftError(
            f"OSS refused a request: {error.code or error.status}: {error.message} (request {error.request_id})"
        )
    if isinstance(error, UnretryableException):
        return HeavyliftError(
            f"the service does not answer ({no_answer(error)}); check the network and the region's name, and try again"
        )
    if isinstance(error, TeaException):
        return HeavyliftError(f"the service refused a request: {error.code}: {error.message}")
    if isinstance(error, OSError) and error.strerror and not isinstance(error, BrokenPipeError):
        room = "; make room for the project, the embedded cloud (--data) and temporary files (TMPDIR)" * (
            error.errno == ENOSPC
        )
        return HeavyliftError((f"{error.filename}: {error.strerror}" if error.filename else error.strerror) + room)
    return None


def no_answer(error: Exception) -> str:
    """Return the reason why an SDK got no answer, without the text that the SDK wraps around it."""
    return shorten(_said(error))


def asks_nobody(error: Exception) -> bool:
    """Return whether an SDK got no answer because there is no host of that name."""
    return _NO_SUCH_NAME in _said(error)


def _said(error: Exception) -> str:
    inner = getattr(error, "inner_exception", None) or error
    return str(getattr(inner, "message", None) or inner)


def shorten(text: str) -> str:
    """Return the host and the reason that a text of requests holds; the text itself when it is another one."""
    if unknown := _UNKNOWN_NAME.search(text):
        return f"the name {unknown[1]} cannot be resolved"
    host, reason = _HOST.search(text), _REASON.search(text)
    return f"{host[1]}: {reason[1] or reason[2]}" if host and reason else text
