"""Requests that were changed after they were signed: refused, or they do exactly what was signed. Nothing answers 5xx.

Only what a scheme covers is in the requests: OSS does not sign Cache-Control (unless V4 is told to) or Range, and FC 2.0 signs
neither the query nor a body without Content-MD5, so that changing those is nobody's fault but the protocol's.
"""

from __future__ import annotations

import base64
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support import signers
from tests.support.signers import Key, acs3, rpc, with_md5
from tests.support.wire import Answer, Connection, HungError, Request, UnansweredError, exchange
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud
from tests.torture.control import RAM, Api
from tests.torture.model import Get
from tests.torture.mutate import Mutation, added_header, added_parameter, mutations
from tests.torture.sweep import Sweep

BATCH = 40  # changed requests before another case has its turn; then the state is looked at

OSS_EXTRAS = [
    *(added_header("x-oss-object-acl", acl) for acl in ("public-read", "public-read-write", "private")),
    added_header("x-oss-acl", "public-read"),
    added_header("x-oss-copy-source", "/mutations/other"),
    added_header("x-oss-meta-evil", "1"),
    added_header("x-oss-tagging", "evil=1"),
    added_header("x-oss-symlink-target", "other"),
    added_header("x-oss-security-token", "forged"),
    added_header("x-oss-date", "20200101T000000Z"),
    added_header("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
    added_header("Authorization", "OSS nobody:nothing"),
    added_header("Authorization", "Bearer x"),
    *(
        added_parameter(name, None)
        for name in ("acl", "tagging", "uploads", "delete", "append", "symlink", "lifecycle")
    ),
    added_parameter("response-content-type", "text/evil"),
    added_parameter("uploadId", "0"),
    added_parameter("x-oss-process", "image/resize"),
    added_parameter("security-token", "forged"),
    added_parameter("Signature", "x"),
    added_parameter("x-oss-signature", "x"),
]
RPC_EXTRAS = [
    *(added_header("x-acs-action", action) for action in ("DeleteRole", "CreateRole", "GetRole")),
    added_header("x-acs-version", RAM),
    added_header("x-acs-security-token", "forged"),
    added_header("Authorization", "ACS3-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=x"),
    added_header("x-acs-date", "2020-01-01T00:00:00Z"),
    *(added_parameter("Action", action) for action in ("DeleteRole", "CreateRole")),
    added_parameter("RoleName", "other"),
    added_parameter("NewDescription", "evil"),
    added_parameter("SecurityToken", "forged"),
]
FC_EXTRAS = [
    added_header("x-fc-invocation-type", "Async"),
    added_header("x-fc-security-token", "forged"),
    added_header("x-acs-security-token", "forged"),
    added_header("x-acs-action", "DeleteService"),
    added_header("Authorization", "FC nobody:nothing"),
]


class Stage:
    """The target of attacks: all state that they could change.

    Args:
        reset: makes everything as it was in the beginning.
        look: returns what there is.
    """

    def __init__(self, reset: Callable[[], None], look: Callable[[], Any]) -> None:
        self._reset, self.look = reset, look
        self._reset()
        self.before = look()

    def reset(self) -> None:
        """Make everything as it was."""
        self._reset()


@dataclass
class Case:
    """A request that is signed anew each time.

    Attributes:
        service: which service gets it.
        sign: makes it.
        stage: what it changes.
        effect: returns what matters of an answer.
        extras: changes beside those that fit any request.
    """

    service: str
    sign: Callable[[], Request]
    stage: Stage
    effect: Callable[[Answer], Any] = lambda answer: answer.status
    extras: list[Mutation] = field(default_factory=list)


# OSS


class Objects:
    """A bucket with two objects."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.bucket, self._address = Bucket(cloud, name), cloud.address("oss")
        self._key, self._region = cloud.key, cloud.region

    def reset(self) -> None:
        for key in self.bucket.keys():  # noqa: SIM118 - not a dictionary
            self.bucket.client.delete_object(key)
        for upload_id, (key, _) in self.bucket.uploads().items():
            self.bucket.client.abort_multipart_upload(key, upload_id)
        self.bucket.client.put_bucket_acl("private")
        for key in ("object", "other"):
            headers = (
                ("x-oss-object-acl", "private"),
                ("x-oss-tagging", "mark=before"),
                ("Content-Type", "text/before"),
            )
            host = (("Host", f"{self._address[0]}:{self._address[1]}"),)
            request = Request("PUT", f"/{self.bucket.name}/{key}", (), (*host, *headers), b"before " + key.encode())
            exchange(self._address, signers.oss(self._key, request, self._region))

    def look(self) -> Any:
        found = {}
        for key in self.bucket.keys():  # noqa: SIM118 - not a dictionary
            got = exchange(self._address, self.bucket.request(Get(key)))  # as it is: a client would inflate it
            kept = {name: value for name, value in got.headers.items() if name in KEPT or "x-oss-meta-" in name}
            tags = self.bucket.client.get_object_tagging(key).tag_set.tagging_rule
            found[key] = got.body, kept, tags, self.bucket.client.get_object_acl(key).acl
        return found, self.bucket.uploads(), self.bucket.client.get_bucket_acl().acl


KEPT = {"content-type", "content-disposition", "x-oss-object-type"}


def oss_cases(cloud: Cloud, key: Key, name: str, sign: Callable[[Request], Request], *, url: bool) -> Iterator[Case]:
    objects = Objects(cloud, name)
    stage = Stage(objects.reset, objects.look)
    host = (("Host", cloud.endpoints["oss"].removeprefix("http://")),)
    target = f"/{name}/object"
    put = Request("PUT", target, (), host, b"signed content")
    put = put.with_headers(
        ("Content-Type", "text/signed"),
        ("x-oss-object-acl", "private"),
        ("x-oss-meta-mark", "signed"),
        ("x-oss-tagging", "mark=signed"),
    )
    tags = b"<Tagging><TagSet><Tag><Key>mark</Key><Value>signed</Value></Tag></TagSet></Tagging>"
    many = b"<Delete><Quiet>false</Quiet><Object><Key>object</Key></Object></Delete>"
    requests = [
        with_md5(put),
        Request("DELETE", target, (), host),
        Request("PUT", target, (("acl", None),), (*host, ("x-oss-object-acl", "default"))),
        with_md5(Request("PUT", target, (("tagging", None),), host, tags)),
        Request("PUT", target, (), (*host, ("x-oss-copy-source", f"/{name}/other"), ("x-oss-object-acl", "private"))),
        with_md5(Request("POST", f"/{name}/", (("delete", None),), host, many)),
        Request("PUT", f"/{name}/", (("acl", None),), (*host, ("x-oss-acl", "private"))),
    ]
    if not url:
        requests.append(Request("GET", target, (("acl", None),), host))
    extras = OSS_EXTRAS if not url else [e for e in OSS_EXTRAS if "security-token" not in e.name]
    for request in requests:
        yield Case("oss", lambda r=request: sign(r), stage, extras=extras)  # type: ignore[misc]
    reading = Request("GET", target, (("response-content-type", "text%2Fsigned"),), host)
    yield Case(
        "oss",
        lambda: sign(reading),
        stage,
        lambda answer: (answer.status, answer.body, answer.headers.get("content-type")),
        extras,
    )


def oss_header_v1(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    yield from _oss(cloud, key, name, "v1", url=False)


def oss_header_v4(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    yield from _oss(cloud, key, name, "v4", url=False)


def oss_url_v1(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    yield from _oss(cloud, key, name, "v1", url=True)


def oss_url_v4(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    yield from _oss(cloud, key, name, "v4", url=True)


def _oss(cloud: Cloud, key: Key, name: str, version: Literal["v1", "v4"], *, url: bool) -> Iterator[Case]:
    def sign(request: Request) -> Request:
        return signers.oss(key, request, cloud.region, version=version, url=url, additional=("host",))

    yield from oss_cases(cloud, key, name, sign, url=url)


# RAM, by both schemes


def ram_cases(cloud: Cloud, name: str, sign: Callable[[str, dict[str, str]], Request]) -> Iterator[Case]:
    api = Api(cloud)
    names = (f"{name}-object", f"{name}-other")

    def reset() -> None:
        for role in set(api.role_names()) - {ROLE}:
            if role not in names:
                api.ram("DeleteRole", RoleName=role)
        for role in names:
            api.ram("CreateRole", RoleName=role, AssumeRolePolicyDocument=api.trust)
            api.ram("UpdateRole", RoleName=role, NewDescription="before")

    stage = Stage(reset, api.role_names)
    yield Case("ram", lambda: sign("UpdateRole", {"RoleName": names[0], "NewDescription": "signed"}), stage)
    yield Case("ram", lambda: sign("DeleteRole", {"RoleName": names[0]}), stage)
    shown = lambda answer: (answer.status, json.loads(answer.body).get("Role", {}).get("RoleName"))  # noqa: E731
    yield Case("ram", lambda: sign("GetRole", {"RoleName": names[0]}), stage, shown)


ROLE = "mutations-session"


def _with_extras(cases: Iterator[Case], extras: list[Mutation]) -> Iterator[Case]:
    for case in cases:
        case.extras = extras
        yield case


def _action(name: str, given: dict[str, str]) -> dict[str, str]:
    return {"Action": name, "Version": RAM, **given}


def rpc_query(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    host = Api(cloud).host("ram")
    cases = ram_cases(cloud, name, lambda action, given: rpc(key, _action(action, given), host=host))
    yield from _with_extras(cases, RPC_EXTRAS)


def rpc_form(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    host = Api(cloud).host("ram")
    cases = ram_cases(cloud, name, lambda action, given: rpc(key, _action(action, given), host=host, form=True))
    yield from _with_extras(cases, RPC_EXTRAS)


def acs3_ram(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    host = (("Host", Api(cloud).host("ram")),)

    def sign(action: str, given: dict[str, str]) -> Request:
        request = Request("POST", "/", tuple((n, v) for n, v in given.items()), host)
        return acs3(key, request, action=action, version=RAM)

    yield from _with_extras(ram_cases(cloud, name, sign), [e for e in RPC_EXTRAS if "Authorization" not in e.name])


# Function Compute


def fc_cases(cloud: Cloud, name: str, version: str, sign: Callable[[Request], Request]) -> Iterator[Case]:
    api = Api(cloud)
    names = (f"{name}-object".replace("-", "_"), f"{name}-other".replace("-", "_"))
    services = f"/{version}/services"

    def look() -> Any:
        found = json.loads(api.fc("GET", "/2021-04-06/services?limit=100").body)["services"]
        return sorted((each["serviceName"], each["description"]) for each in found)

    def reset() -> None:
        for each, _ in look():
            if each not in names:
                api.fc("DELETE", f"/2021-04-06/services/{each}")
        for each in names:
            api.fc("POST", "/2021-04-06/services", {"serviceName": each})
            api.fc("PUT", f"/2021-04-06/services/{each}", {"description": "before"})

    stage = Stage(reset, look)
    headers = (("Host", api.host("fc")), ("Content-Type", "application/json"))
    one = f"{services}/{names[0]}"
    body = json.dumps({"description": "signed"}).encode()
    shown = lambda answer: (answer.status, json.loads(answer.body).get("serviceName"))  # noqa: E731
    yield Case("fc", lambda: sign(Request("PUT", one, (), headers, body)), stage, extras=FC_EXTRAS)
    yield Case("fc", lambda: sign(Request("DELETE", one, (), headers)), stage, extras=FC_EXTRAS)
    yield Case("fc", lambda: sign(Request("GET", one, (), headers)), stage, shown, FC_EXTRAS)


def acs3_fc(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    yield from fc_cases(cloud, name, "2021-04-06", lambda request: acs3(key, request))


def fc_2(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    yield from fc_cases(cloud, name, "2016-08-15", lambda request: signers.fc2016(key, with_md5(request)))


def acs3_invocation(cloud: Cloud, key: Key, name: str) -> Iterator[Case]:
    """An invocation, whose x-fc-* headers ACS3 does not cover: the vendor's Node.js client signs none of them."""
    api = Api(cloud)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return event")
    record = {"functionName": "echo", "runtime": "python3.10", "handler": "index.handler"}
    api.fc("POST", "/2023-03-30/functions", {**record, "code": {"zipFile": base64.b64encode(code.getvalue()).decode()}})
    headers = (("Host", api.host("fc")), ("Content-Type", "application/octet-stream"))
    request = Request("POST", "/2023-03-30/functions/echo/invocations", (), headers, b"signed")
    yield Case(
        "fc",
        lambda: acs3(key, request),
        Stage(lambda: None, lambda: None),
        lambda answer: (answer.status, answer.body),
        [added_header("x-acs-security-token", "forged"), added_header("x-acs-action", "DeleteFunction")],
    )


SCHEMES = [
    oss_header_v1,
    oss_header_v4,
    oss_url_v1,
    oss_url_v4,
    rpc_query,
    rpc_form,
    acs3_ram,
    acs3_fc,
    acs3_invocation,
    fc_2,
]


class Attack:
    """Sends changed requests of one case and judges what became of them."""

    def __init__(self, sweep: Sweep, cloud: Cloud, scheme: str, case: Case) -> None:
        self._sweep, self._cloud, self._scheme, self._case = sweep, cloud, scheme, case
        self._connection = Connection(cloud.address(case.service))
        answer = self._connection.exchange(case.sign())
        assert answer.status < 300, f"the request is refused as it was signed: {case.sign()} {answer}"
        self._wanted = case.effect(answer), case.stage.look()
        case.stage.reset()
        self._refused: list[str] = []

    def run(self, chance: random.Random) -> None:
        """Send changed requests, and see in the end that those that were refused had no effect."""
        drawn = mutations(self._case.sign(), iter(self._case.extras))
        for mutation in chance.sample(drawn, min(BATCH, len(drawn))):
            if self._sweep.left:
                self._send(mutation, chance)
        if self._case.stage.look() != self._case.stage.before:
            self._sweep.accepted(f"{self._scheme}: refused, and it had an effect", f"one of {self._refused}")

    def _send(self, mutation: Mutation, chance: random.Random) -> None:
        request = mutation.apply(self._case.sign(), chance)
        what = str(request)
        self._sweep.tally.mutations += 1
        try:
            answer = self._connection.exchange(request)
        except UnansweredError:
            self._refused.append(mutation.name)  # it was no HTTP any more
            if not self._cloud.alive:
                self._sweep.hung(f"{self._scheme}: the process died", what)
            return
        except HungError as error:
            self._sweep.hung(f"{self._scheme}: no answer", f"{error} <- {what}")
            return
        if answer.status >= 500 and answer.status != 501:
            self._sweep.failed(f"{self._scheme}: answer {answer.status}", f"{mutation.name}: {answer} <- {what}")
        if answer.status < 300:
            self._accepted(mutation, what, answer)
        else:
            self._sweep.tally.refused += 1
            self._refused.append(mutation.name)

    def _accepted(self, mutation: Mutation, what: str, answer: Answer) -> None:
        try:
            found = self._case.effect(answer), self._case.stage.look()
        except ValueError as error:
            found = repr(error), None
        if found != self._wanted:
            self._sweep.accepted(
                f"{self._scheme}: accepted: {mutation.name}", f"{answer}; {found}, signed {self._wanted} <- {what}"
            )
        self._case.stage.reset()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def test_mutations(sweep: Sweep, cloud: Cloud) -> None:
    session = Api(cloud).session(ROLE)
    queue: list[tuple[Callable[..., Iterator[Case]], Key]] = []
    while sweep.goes_on():
        if not queue:
            queue = [(scheme, key) for scheme in SCHEMES for key in (cloud.key, session)]
            sweep.random.shuffle(queue)
        scheme, key = queue.pop()
        case = sweep.random.choice(list(scheme(cloud, key, scheme.__name__.replace("_", "-"))))
        with closing(Attack(sweep, cloud, scheme.__name__, case)) as attack:
            attack.run(sweep.random)
