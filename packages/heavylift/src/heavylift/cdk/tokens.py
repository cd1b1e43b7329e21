"""Attributes of resources in texts, which only the cloud knows: tokens of the CDK stand for them.

The CDK's own language writes a token where an attribute stands in a text; in Python jsii leaves that out, and an f-string would
hold `<ros_cdk_core.Reference object at 0x…>`.
"""

from __future__ import annotations

from ros_cdk_core import Intrinsic, Token


def as_text(value: object) -> object:
    """Return the text that stands for what only the cloud knows; anything else as it is."""
    return Token.as_string(value) if isinstance(value, Intrinsic) else value


def write_tokens_in_texts() -> None:
    """Have `str` and f-strings write the token of an attribute, in the whole app."""
    Intrinsic.__str__ = lambda self: Token.as_string(self)  # type: ignore[method-assign]
