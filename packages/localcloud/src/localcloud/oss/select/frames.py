"""The frames in which SelectObject answers. Pure.

A frame: version (1 byte) and type (3), length of the payload (4), checksum of that head (4), payload, CRC-32 of the payload
(4); all numbers are big-endian. A payload begins with the offset that was reached in the object (8).

Source: OSS, "SelectObject": response elements; `select_response.py` of oss2.
"""

from __future__ import annotations

import struct
import zlib

VERSION = 1
DATA, END, CSV_META, JSON_META = 0x800001, 0x800005, 0x800006, 0x800007


def frame(kind: int, payload: bytes) -> bytes:
    """Return a frame."""
    head = struct.pack(">II", VERSION << 24 | kind, len(payload))
    return head + struct.pack(">I", zlib.crc32(head)) + payload + struct.pack(">I", zlib.crc32(payload))


def data_frame(offset: int, content: bytes) -> bytes:
    """Return the frame of a part of the result."""
    return frame(DATA, struct.pack(">Q", offset) + content)


def end_frame(size: int, status: int, message: str = "") -> bytes:
    """Return the last frame: the bytes that were scanned, how it went, and the error (`Code.message`)."""
    return frame(END, struct.pack(">QQI", size, size, status) + message.encode())


def meta_frame(size: int, *, records: int, columns: int | None) -> bytes:
    """Return the frame that describes an object; columns: of CSV only."""
    payload = struct.pack(">QQIIQ", size, size, 200, 1, records)
    if columns is None:
        return frame(JSON_META, payload)
    return frame(CSV_META, payload + struct.pack(">I", columns))
