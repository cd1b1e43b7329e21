"""Changes to a request after it was signed: each part of it flipped, dropped, said twice, written in another way."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tests.support.wire import Request

Change = Callable[[Request, random.Random], Request]
FRAMING = {"content-length", "transfer-encoding", "connection"}  # a change of these makes another stream of bytes


@dataclass(frozen=True)
class Mutation:
    """A named change."""

    name: str
    apply: Change


def _flipped(text: str, chance: random.Random) -> str:
    if not text:
        return chance.choice(string.ascii_letters)
    place = chance.randrange(len(text))
    others = [each for each in string.ascii_letters + string.digits if each != text[place]]
    return text[:place] + chance.choice(others) + text[place + 1 :]


def _encoded(text: str, chance: random.Random) -> str:
    places = [place for place, letter in enumerate(text) if letter.isalnum()]
    if not places:
        return text + "%00"
    place = chance.choice(places)
    return f"{text[:place]}%{ord(text[place]):02x}{text[place + 1 :]}"


VALUES: dict[str, Callable[[str, random.Random], str]] = {
    "flipped": _flipped,
    "emptied": lambda text, _: "",
    "in other case": lambda text, _: text.swapcase(),
    "percent-encoded": _encoded,
    "doubled": lambda text, _: text + text,
    "cut": lambda text, chance: text[: chance.randrange(len(text))] if text else "x",
    "with a comma": lambda text, _: f"{text}, {text}",
    "with a NUL": lambda text, _: text + "\0",
    "with %ff": lambda text, _: text + "%ff",
    "with a byte that is not UTF-8": lambda text, _: text + "\udcff",
    "with a space": lambda text, _: f"{text} ",
}


def mutations(sample: Request, extras: Iterator[Mutation] = iter(())) -> list[Mutation]:  # noqa: B008 - an empty one
    """Return the changes that fit a request.

    Args:
        sample: the request, signed; others of its kind have the same headers and parameters.
        extras: further changes.
    """
    found = [*_of_headers(sample), *_of_query(sample), *_of_path(), *_of_method(sample), *extras]
    return [*found, *_of_body()] if sample.body else found


def _of_headers(sample: Request) -> Iterator[Mutation]:
    for place, (name, _) in enumerate(sample.headers):
        if name.lower() in FRAMING:
            continue
        for what, change in VALUES.items():
            yield Mutation(f"header {name} {what}", _header(place, lambda n, v, c, change=change: [(n, change(v, c))]))
            for where, order in (("before", 1), ("after", -1)):
                yield Mutation(
                    f"header {name} twice, {what} {where}",
                    _header(place, lambda n, v, c, change=change, order=order: [(n, change(v, c)), (n, v)][::order]),
                )
        yield Mutation(f"header {name} dropped", _header(place, lambda n, v, c: []))
        yield Mutation(f"header {name} twice", _header(place, lambda n, v, c: [(n, v), (n, v)]))
        yield Mutation(f"header {name} renamed", _header(place, lambda n, v, c: [(_flipped(n, c), v)]))
        yield Mutation(f"header {name} with an underscore", _header(place, lambda n, v, c: [(n.replace("-", "_"), v)]))
        yield Mutation(f"header {name} in other case", _header(place, lambda n, v, c: [(n.swapcase(), v)]))
        yield Mutation(f"header {name} folded", _header(place, lambda n, v, c: [(n, f"{v}\r\n {v}")]))


def _header(place: int, change: Callable[..., list[tuple[str, str]]]) -> Change:
    def apply(request: Request, chance: random.Random) -> Request:
        headers = list(request.headers)
        headers[place : place + 1] = change(*headers[place], chance)
        return replace(request, headers=tuple(headers))

    return apply


def _of_query(sample: Request) -> Iterator[Mutation]:
    for place, (name, value) in enumerate(sample.query):
        for what, change in VALUES.items():
            if value is not None:
                yield Mutation(f"parameter {name} {what}", _parameter(place, lambda n, v, c, f=change: [(n, f(v, c))]))
            for where, order in (("before", 1), ("after", -1)):
                yield Mutation(
                    f"parameter {name} twice, {what} {where}",
                    _parameter(place, lambda n, v, c, f=change, order=order: [(n, f(v or "", c)), (n, v)][::order]),
                )
            yield Mutation(
                f"parameter {name}'s name {what}", _parameter(place, lambda n, v, c, f=change: [(f(n, c), v)])
            )
        yield Mutation(f"parameter {name} dropped", _parameter(place, lambda n, v, c: []))
        yield Mutation(f"parameter {name} twice", _parameter(place, lambda n, v, c: [(n, v), (n, v)]))
        yield Mutation(f"parameter {name} behind a semicolon", _parameter(place, lambda n, v, c: [(f"x;{n}", v)]))


def _parameter(place: int, change: Callable[..., list[tuple[str, str | None]]]) -> Change:
    def apply(request: Request, chance: random.Random) -> Request:
        query = list(request.query)
        query[place : place + 1] = change(*query[place], chance)
        return replace(request, query=tuple(query))

    return apply


def _of_path() -> Iterator[Mutation]:
    changes: dict[str, Callable[[str, random.Random], str]] = {
        "flipped": lambda path, chance: "/" + _flipped(path[1:], chance),
        "in other case": lambda path, _: path.swapcase(),
        "percent-encoded": lambda path, chance: "/" + _encoded(path[1:], chance),
        "with a slash more": lambda path, _: path + "/",
        "with two slashes": lambda path, _: "/" + path,
        "with a dot": lambda path, _: "/." + path,
        "with two dots": lambda path, _: path + "/../" + path.rpartition("/")[2],
        "with encoded dots": lambda path, _: path + "/%2e%2e/" + path.rpartition("/")[2],
        "with an encoded slash": lambda path, _: path[:1] + path[1:].replace("/", "%2f", 1),
        "with a NUL": lambda path, _: path + "%00",
        "with a semicolon": lambda path, _: path + ";x",
        "absolute": lambda path, _: "http://127.0.0.1" + path,
    }
    for what, change in changes.items():
        yield Mutation(f"path {what}", lambda r, c, change=change: replace(r, path=change(r.path, c)))  # type: ignore[misc]


def _of_method(sample: Request) -> Iterator[Mutation]:
    others = [each for each in ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH") if each != sample.method]
    for method in [*others, sample.method.lower()]:
        yield Mutation(f"method {method}", lambda r, c, m=method: replace(r, method=m))  # type: ignore[misc]
        yield added_header("X-HTTP-Method-Override", method)


def _of_body() -> Iterator[Mutation]:
    changes: dict[str, Callable[[bytes, random.Random], bytes]] = {
        "flipped": lambda body, c: _flipped_bytes(body, c),
        "cut": lambda body, c: body[: c.randrange(len(body))],
        "longer": lambda body, c: body + c.randbytes(9),
        "emptied": lambda body, _: b"",
        "said twice": lambda body, _: body + b"&" + body,
    }
    for what, change in changes.items():
        yield Mutation(f"body {what}", lambda r, c, change=change: replace(r, body=change(r.body, c)))  # type: ignore[misc]
    yield Mutation("body in chunks", lambda r, _: _in_chunks(r, r.body))
    yield Mutation("body in chunks, flipped", lambda r, c: _in_chunks(r, _flipped_bytes(r.body, c)))
    yield added_header("Content-Encoding", "gzip")
    yield added_header("Content-Encoding", "deflate")


def _flipped_bytes(body: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :]


def _in_chunks(request: Request, body: bytes) -> Request:
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part)
    return replace(request.with_headers(("Transfer-Encoding", "chunked")), body=chunks + b"0\r\n\r\n")


def added_header(name: str, value: str) -> Mutation:
    """Return the change that adds a header, first or last."""

    def apply(request: Request, chance: random.Random) -> Request:
        added, there = ((name, value),), request.headers
        return replace(request, headers=added + there if chance.random() < 0.5 else there + added)

    return Mutation(f"added header {name}: {value}", apply)


def added_parameter(name: str, value: str | None) -> Mutation:
    """Return the change that adds a query parameter, first or last."""

    def apply(request: Request, chance: random.Random) -> Request:
        added, there = ((name, value),), request.query
        return replace(request, query=added + there if chance.random() < 0.5 else there + added)

    return Mutation(f"added parameter {name}={value}", apply)
