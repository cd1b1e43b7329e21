"""Logs that are bombs or lies, searches that take long, cursors that are none."""

from __future__ import annotations

import base64
import json
import random
import zlib
from typing import Any

import lz4.block
import zstandard

from tests.torture.attacks.common import DIGITS, Attack, Signed, sls

STORE = "store"
PUT = f"/logstores/{STORE}/shards/lb"
MB = 1024**2
VALUES: tuple[Any, ...] = (-1, 2**63, 10**40, 1.5, "x", DIGITS, [], {}, None, True, "\ud800")


def by_log(chance: random.Random) -> list[Attack]:
    return [*_bodies(chance), *_searches(chance), *_cursors(), *_indexes(chance)]


def _put(body: bytes, size: object, kind: str = "") -> Signed:
    headers = {"Content_Type": "application/x-protobuf", "x_log_bodyrawsize": str(size)}
    return sls("POST", PUT, {}, body, **headers, **({"x_log_compresstype": kind} if kind else {}))


def _log(*fields: bytes, time: bytes = b"\x08\x01") -> bytes:
    content = time + b"".join(fields)
    return b"\x0a" + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    pieces = bytearray()
    while number > 127:
        pieces.append(number & 127 | 128)
        number >>= 7
    return bytes([*pieces, number])


def _bodies(chance: random.Random) -> list[Attack]:
    zeros = bytes(300 * MB)
    bombs = {
        "lz4": lz4.block.compress(zeros, store_size=False),
        "zstd": zstandard.compress(zeros),
        "deflate": zlib.compress(zeros),
    }
    found = []
    for kind, bomb in bombs.items():
        for size in (0, 1, 10 * MB, 300 * MB, 2**62, -1, DIGITS, "x"):
            found.append(Attack(f"logs: a bomb of {kind} that says {str(size)[:9]}", _put(bomb, size, kind)))
        found.append(Attack(f"logs: half a bomb of {kind}", _put(bomb[: len(bomb) // 2], 10 * MB, kind)))
        noise = chance.randbytes(chance.randrange(1, 5000))
        found.append(Attack(f"logs: noise for {kind}", _put(noise, chance.randrange(10 * MB), kind)))
    frame = bytes.fromhex("28b52ffde0") + (2**63).to_bytes(8, "little") + bytes.fromhex("09000061")
    found.append(Attack("logs: a frame that says it is huge", _put(frame, 10 * MB, "zstd")))
    field = b"\x12\x06\x0a\x01k\x12\x01v"
    many = {
        "a million logs": _log() * MB,
        "a million fields": _log(field * MB),
        "a million tags": b"\x32\x06\x0a\x01k\x12\x01v" * MB,
        "as many logs as may be": _log(field) * 40_960,
        "logs in logs": _log(b"\x12\x7f" * 1000),
        "a length without end": b"\x0a" + b"\xff" * 1000,
        "a log of 9 MB": _log(b"\x12" + _varint(9 * MB + 8) + b"\x0a\x01k\x12" + _varint(9 * MB) + b"x y" * (3 * MB)),
        "unknown fields": b"\x78\x01" * (4 * MB),
        "noise": chance.randbytes(1000),
        "no time": _log(time=b""),
    }
    for name, body in many.items():
        packed = lz4.block.compress(body, store_size=False)
        found.append(Attack(f"logs: {name}", _put(packed, len(body), "lz4"), True))
    return found


def _searches(chance: random.Random) -> list[Attack]:
    deep = chance.choice([100, 3000])
    queries = {
        "parentheses": "(" * deep + "a" + ")" * deep,
        "negations": "not " * deep + "a",
        "words": "a " * deep,
        "wildcards": "a" + "*a" * 500,
        "stars": "x" + "*" * 5000 + "y",
        "quotes": '"' * deep,
        "escapes": "\\" * deep,
        "a long word": "x" * 7000,
        "a long phrase": '#"' + "x " * 3000 + '"',
        "a long number": f"n > {DIGITS}",
        "a large number": f"n > 9e{DIGITS[:3]}",
        "paths": "j." + "a." * 2000 + "a:1",
        "a null": "a\0b",
        "pipes": "|" * 100,
        "spaces": " " * 7000,
    }
    found = []
    span = {"from": 0, "to": 2**32 - 1}
    path = f"/logstores/{STORE}/logs"
    for name, query in queries.items():
        body = json.dumps({**span, "query": query}).encode()
        found.append(Attack(f"logs: a search of {name}", sls("POST", path, {}, body), True))
        given = {"type": "histogram", "from": "0", "to": "4294967295", "query": query}
        found.append(Attack(f"logs: a histogram of {name}", sls("GET", f"/logstores/{STORE}", given), True))
    for field in ("from", "to", "line", "offset", "fromNs", "toNs", "topic", "reverse", "query"):
        for value in VALUES:
            body = json.dumps({**span, "query": "*", field: value}).encode()
            found.append(Attack(f"logs: {field} is {str(value)[:9]!a}", sls("POST", path, {}, body), True))
    for name, body in (("lists", b"[" * 10**5), ("maps", b'{"a":' * 10**5), ("nothing", b""), ("bytes", b"\xff\xfe")):
        found.append(Attack(f"logs: a search of {name}, deep", sls("POST", path, {}, body)))
    return found


def _cursors() -> list[Attack]:
    cursors = ["", "x", "=", DIGITS, "\0"]
    cursors += [base64.b64encode(each.encode()).decode() for each in ("", "-1", "x", "1.5", "9" * 19, "9" * 400, "٣")]
    found = []
    for cursor in cursors:
        for kind in ("log", "cursor_time"):
            query = {"type": kind, "cursor": cursor, **({"count": "1"} if kind == "log" else {})}
            found.append(
                Attack(f"logs: {kind} at {cursor[:12]!a}", sls("GET", f"/logstores/{STORE}/shards/0", query), True)
            )
    for count in ("0", "-1", "1001", DIGITS, "x"):
        query = {"type": "log", "cursor": "MQ==", "count": count}
        found.append(Attack(f"logs: {count[:9]} groups", sls("GET", f"/logstores/{STORE}/shards/0", query)))
    return found


def _indexes(chance: random.Random) -> list[Attack]:
    documents = {
        "many delimiters": {"line": {"token": [chr(each) for each in range(33, 20_000)]}},
        "long delimiters": {"line": {"token": ["x" * 100_000, "]", "^", "\\", "-"]}},
        "wrong kinds": {"line": {"token": 1, "caseSensitive": [], "include_keys": {}}, "keys": {"k": 1, "": None}},
        "many fields": {"keys": {f"k{each}": {"type": "text", "token": [" "]} for each in range(10_000)}},
        "json in json": {"keys": {"j": {"type": "json", "json_keys": {"j": {"json_keys": {"j": {}}}}}}},
        "noise": {"line": {"token": [chr(chance.randrange(0xD7FF)) for _ in range(500)]}},
    }
    path = f"/logstores/{STORE}/index"
    search = json.dumps({"from": 0, "to": 2**32 - 1, "query": "k or not x"}).encode()
    found = []
    for name, document in documents.items():
        found.append(Attack(f"logs: an index with {name}", sls("PUT", path, {}, json.dumps(document).encode()), True))
        found.append(Attack(f"logs: a search after {name}", sls("POST", f"/logstores/{STORE}/logs", {}, search), True))
    return found
