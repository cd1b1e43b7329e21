"""Log groups in the wire format of Protocol Buffers, as requests and answers carry them.

The messages are few and settled, so that they are read here: what a body holds is counted while it is read, texts keep bytes
that are not UTF-8 (as surrogates), and no release of a library has to suit what else is installed. Unknown fields are skipped.

Sources: SLS, "Data encoding"; `log.proto` of aliyun-log-go-sdk; Protocol Buffers, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from localcloud.sls.model import NANOSECONDS, Log, LogGroup

# The kinds of fields on the wire.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_MAX_SECONDS = 2**32 - 1
# Of all messages in a log group, in which a field of a log, or a tag, is three; the embedded cloud's own limit: each takes time,
# and more memory than bytes.
MAX_FIELDS = 1_600_000


class _Budget:
    """The fields that may still be read."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_FIELDS


def read_group(content: bytes, *, max_logs: int) -> LogGroup:
    """Read a log group.

    Args:
        content: a message LogGroup.
        max_logs: logs that it may have.

    Raises:
        OverflowError: it has more logs, or more than `MAX_FIELDS` fields.
        ValueError: it is not well formed, or a log lacks what is required.
    """
    budget = _Budget()
    logs: list[Log] = []
    tags: list[tuple[str, str]] = []
    topic = source = ""
    for number, value in _fields(content, budget):
        match number, value:
            case 1, bytes():
                if len(logs) == max_logs:
                    raise OverflowError(f"more than {max_logs} logs")
                logs.append(_read_log(value, budget))
            case 3, bytes():
                topic = _text(value)
            case 4, bytes():
                source = _text(value)
            case 6, bytes():
                tags.append(_read_pair(value, budget))
    return LogGroup(topic=topic, source=source, tags=tuple(tags), logs=tuple(logs))


def _read_log(content: bytes, budget: _Budget) -> Log:
    seconds: int | None = None
    nanoseconds = 0
    contents: list[tuple[str, str]] = []
    for number, value in _fields(content, budget):
        match number, value:
            case 1, int():
                seconds = value
            case 2, bytes():
                contents.append(_read_pair(value, budget))
            case 4, int():
                nanoseconds = value
    if seconds is None or seconds > _MAX_SECONDS or nanoseconds >= NANOSECONDS:
        raise ValueError("a log has no time, or one that is none")
    return Log(time=seconds * NANOSECONDS + nanoseconds, contents=tuple(contents))


def write_log(log: Log) -> bytes:
    """Return the message Log."""
    seconds, nanoseconds = divmod(log.time, NANOSECONDS)
    message = b"\x08" + _varint(seconds) + b"".join(_frame(2, _write_pair(*pair)) for pair in log.contents)
    return message + b"\x25" + nanoseconds.to_bytes(4, "little") if nanoseconds else message


def write_group(group: LogGroup) -> bytes:
    """Return the message LogGroup."""
    message = _frame(3, _bytes(group.topic)) + _frame(4, _bytes(group.source))
    message += b"".join(_frame(6, _write_pair(*tag)) for tag in group.tags)
    return add_logs(message, map(write_log, group.logs))


def add_logs(group: bytes, logs: Iterable[bytes]) -> bytes:
    """Return the message LogGroup that has further logs, each a message Log."""
    return group + b"".join(_frame(1, log) for log in logs)


def write_list(groups: Iterable[bytes]) -> bytes:
    """Return the message LogGroupList of messages LogGroup."""
    return b"".join(_frame(1, group) for group in groups)


def _read_pair(content: bytes, budget: _Budget) -> tuple[str, str]:
    key = value = None
    for number, each in _fields(content, budget):
        if isinstance(each, bytes):
            if number == 1:
                key = _text(each)
            elif number == 2:
                value = _text(each)
    if key is None or value is None:
        raise ValueError("a field of a log, or a tag, has no key or no value")
    return key, value


def _write_pair(key: str, value: str) -> bytes:
    return _frame(1, _bytes(key)) + _frame(2, _bytes(value))


def _fields(content: bytes, budget: _Budget) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field."""
    position, end = 0, len(content)
    while position < end:
        budget.left -= 1
        if budget.left < 0:
            raise OverflowError(f"more than {MAX_FIELDS} fields")
        tag, position = _read_varint(content, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _read_varint(content, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(content, position)
        elif kind in _WIDTHS:
            length = _WIDTHS[kind]
        else:
            raise ValueError(f"a field is of the kind {kind}")
        if length > end - position:
            raise ValueError("a field ends beyond its message")
        piece = content[position : position + length]
        position += length
        yield tag >> 3, piece if kind == _BYTES else int.from_bytes(piece, "little")


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(content) and shift < 64:  # ten bytes at most
        byte = content[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    raise ValueError("a number does not end")


def _varint(value: int) -> bytes:
    pieces = bytearray()
    while value > 127:
        pieces.append(value & 127 | 128)
        value >>= 7
    pieces.append(value)
    return bytes(pieces)


def _frame(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _varint(len(content)) + content


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
