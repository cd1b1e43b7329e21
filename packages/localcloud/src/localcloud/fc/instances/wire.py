"""The form of the messages between the platform and the bootstrap of an instance; both ends load this file.

On the socket a message is a 4-byte length, a head (JSON), and `size` bytes of payload. What the heads hold is in `messages.py`.
An instance imports this with every start: standard library only, Python 3.9 and later, and nothing that takes time.
"""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False  # as type checkers take it; `typing` takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LENGTH = struct.Struct(">I")  # of a head
MAX_HEAD = 64 * 1024  # bytes of a reply's head
INITIALIZE, INVOKE = "initialize", "invoke"
HTTP = "http"  # the event is an HTTP request: of a function of FC 2.0, or of a custom runtime
PRE_FREEZE, PRE_STOP = "pre-freeze", "pre-stop"  # the hooks of an instance's life, beside the initializer
CHECK = "check"  # of a custom runtime's health; the event is the path that is asked for


def join(head: Mapping[str, object], body: bytes = b"") -> bytes:
    """Return the bytes of a message, and of an HTTP request or response in one: the length of the head, the head, the body."""
    text = json.dumps(head).encode()
    return LENGTH.pack(len(text)) + text + body


def split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the head and the body of what `join` has made."""
    end = LENGTH.size + LENGTH.unpack_from(content)[0]
    return json.loads(content[LENGTH.size : end]), content[end:]
