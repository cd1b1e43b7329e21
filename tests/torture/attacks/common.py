"""The common part of the attacks: requests that are signed rightly, whatever is in them."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote

from aliyun.log.auth import AuthV1
from aliyun.log.credentials import StaticCredentialsProvider

from tests.support import signers
from tests.support.wire import Answer, Query, Request
from tests.torture.cloud import Cloud
from tests.torture.control import Api

Signed: TypeAlias = Callable[[Cloud], tuple[str, Request]]  # which service, and what
BUCKET = "hostile"
DIGITS = "9" * 5000


@dataclass(frozen=True)
class Attack:
    """A named attack: what is sent where, and whether it may be obeyed."""

    name: str
    make: Callable[[Cloud], tuple[str, Request]]
    harmless: bool = False
    then: Callable[[Cloud, Answer], str | None] = lambda cloud, answer: None


def oss(method: str, path: str, query: Query = (), body: bytes = b"", *headers: tuple[str, str]) -> Signed:
    """Return what makes a signed OSS request."""

    def make(cloud: Cloud) -> tuple[str, Request]:
        host = ("Host", cloud.endpoints["oss"].removeprefix("http://"))
        request = Request(method, path, query, (host, *headers), body)
        return "oss", signers.oss(
            cloud.key, signers.with_md5(request) if ("delete", None) in query else request, cloud.region
        )

    return make


def call(service: str, action: str, version: str, **parameters: str) -> Signed:
    """Return what makes a signed RPC request."""

    def make(cloud: Cloud) -> tuple[str, Request]:
        host = Api(cloud).host(service)
        said = {"Action": action, "Version": version, **parameters}
        said |= {"RegionId": cloud.region} if service == "ros" and "RegionId" not in said else {}
        return service, signers.rpc(cloud.key, said, host=host, form=True)

    return make


def sls(method: str, path: str, query: dict[str, str], body: bytes = b"", **headers: str) -> Signed:
    """Return what makes a signed request of SLS, about the project `hostile`; underscores in headers stand for hyphens."""

    def make(cloud: Cloud) -> tuple[str, Request]:
        given = {"Host": f"{BUCKET}.{cloud.host('sls')}", "Content-Type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        signer = AuthV1(StaticCredentialsProvider(cloud.key.id, cloud.key.secret, cloud.key.token))
        signer.sign_request(method, path, query, given, body)
        pairs = tuple((quote(name), quote(value, errors="surrogateescape")) for name, value in query.items())
        return "sls", Request(method, path, pairs, tuple(given.items()), body)

    return make


def fc(method: str, path: str, body: bytes, query: Query = ()) -> Signed:
    """Return what makes a signed request to Function Compute."""

    def make(cloud: Cloud) -> tuple[str, Request]:
        headers = (("Host", Api(cloud).host("fc")), ("Content-Type", "application/json"))
        return "fc", signers.acs3(cloud.key, Request(method, path, query, headers, body))

    return make


def function(name: str) -> dict[str, Any]:
    code = {"zipFile": base64.b64encode(zipped({"index.py": b"x = 1"})).decode()}
    return {"functionName": name, "runtime": "python3.10", "handler": "index.handler", "code": code}


def zipped(files: dict[str, bytes], *, mode: int = 0o100644, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.compress_type = mode << 16, method
            archive.writestr(entry, content)
    return target.getvalue()
