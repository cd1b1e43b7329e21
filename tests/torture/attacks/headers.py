"""Headers, addresses and query values with bytes that do not belong there."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.support.wire import Answer, Query, Request
from tests.torture.attacks.common import BUCKET, DIGITS, Attack, oss
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud


def by_header(chance: random.Random) -> list[Attack]:
    found = []

    def plain(name: str, service: str, request: Request, harmless: bool = False) -> None:
        def make(cloud: Cloud) -> tuple[str, Request]:
            if request.header("Host") is not None:
                return service, request
            host = ("Host", cloud.endpoints[service].removeprefix("http://"))
            filled = tuple((n, v.replace("KEY", cloud.key.id)) for n, v in request.headers)
            return service, replace(request, headers=(host, *filled))

        found.append(Attack(f"header: {name}", make, harmless))

    for token in ("é", "\udcff", "ÿ" * 300, "日本", "", "x" * 60_000):
        for scheme in (
            "Bearer ",
            "OSS KEY:",
            "FC KEY:",
            "OSS4-HMAC-SHA256 Credential=KEY,Signature=",
            "ACS3-HMAC-SHA256 ",
        ):
            for service, path in (
                ("oss", "/-/localcloud/link"),
                ("fc", "/-/localcloud/instances"),
                ("ram", "/"),
                ("fc", "/"),
            ):
                headers = (("Authorization", scheme + token),)
                plain(
                    f"Authorization {scheme}{token[:4]!a} to {service} {path}",
                    service,
                    Request("GET", path, (), headers),
                )
    for text in ("%ff", "%00", "%0d%0aX-Evil:%201", "%e9", "%", "%zz", "%f0%9f%92%a9", "%u0041"):
        said = ("OSSAccessKeyId", "KEY"), ("Expires", "99999999999")
        plain(f"Signature={text}", "oss", Request("GET", f"/{BUCKET}/a", (*said, ("Signature", text))))
        plain(f"x-oss-signature={text}", "oss", Request("GET", f"/{BUCKET}/a", (("x-oss-signature", text),)))
        plain(f"RPC Signature={text}", "ram", Request("GET", "/", (("Signature", text), ("AccessKeyId", text))))
        plain(f"path {text}", "fc", Request("GET", f"/2023-03-30/functions/{text}"))
        found.append(Attack(f"header: key {text}", oss("GET", f"/{BUCKET}/{text}"), True))
        for name in ("content-type", "content-disposition", "cache-control", "expires", "content-language"):
            query: Query = ((f"response-{name}", text),)
            found.append(Attack(f"header: response-{name}={text}", oss("GET", f"/{BUCKET}/a", query), True))
        for name in ("prefix", "marker", "delimiter", "encoding-type", "continuation-token"):
            query = ((name, text), ("list-type", "2"))
            found.append(Attack(f"header: {name}={text}", oss("GET", f"/{BUCKET}/", query), True))
        for name in ("x-oss-copy-source", "x-oss-symlink-target", "x-oss-tagging", "x-oss-object-acl", "Content-MD5"):
            query = (("symlink", None),) if name == "x-oss-symlink-target" else ()
            found.append(Attack(f"header: {name}: {text}", oss("PUT", f"/{BUCKET}/h", query, b"", (name, text)), True))
    for name in ("x-oss-meta-a", "Content-Type", "Content-Disposition", "Content-Encoding", "Expires", "x-oss-meta-é"):
        for text in ("\x00", "a\x01b", "é", "a\rb", "a\nX-Evil: 1", "\x7f", "a" * 9000):
            shown = f"header: {name}: {text[:8]!a}"
            found.append(Attack(shown, oss("PUT", f"/{BUCKET}/h", (), b"x", (name, text)), True, _reads_back))
    for host in (
        "",
        "evil.example",
        "127.0.0.1:1",
        "[::1",
        "a" * 5000,
        "localhost\udcff",
        "é",
        "x.oss-cn-hangzhou.aliyuncs.com",
    ):
        for service in ("oss", "ram", "fc", "ros"):
            plain(f"Host {host[:20]!a} to {service}", service, Request("GET", "/", (), (("Host", host),)), True)
    for length in ("-1", DIGITS, "1, 1", "+1", "0x1", "1 1"):
        framing = (("Content-Length", length),)
        plain(f"Content-Length {length[:5]}", "oss", Request("PUT", f"/{BUCKET}/a", (), framing, b"x"))
    both = (("Content-Length", "1"), ("Transfer-Encoding", "chunked"))
    plain("two framings", "oss", Request("PUT", f"/{BUCKET}/a", (), both, b"5\r\nGET /\r\n0\r\n\r\n"))
    for target in ("*", "", "//", "http://", "http://[", "/\\", "/..", "/%2e%2e/%2e%2e/etc/passwd", "/?" + "a&" * 4000):
        for service in ("oss", "fc", "ram"):
            plain(f"target {target[:12]!a} to {service}", service, Request("GET", target))
    return found


def _reads_back(cloud: Cloud, answer: Answer) -> str | None:
    """An object that was accepted can be read."""
    if answer.status < 300:
        got = Bucket(cloud, BUCKET).client.get_object("h")
        if got.read() not in (b"x", b""):
            return "another object came back"
    return None
