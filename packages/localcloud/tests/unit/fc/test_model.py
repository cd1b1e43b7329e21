"""Function Compute's pure parts: limits, bodies, signatures, events, logs, code packages, interpreters."""

from __future__ import annotations

import email.utils
import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import fc2.auth
import pytest

from localcloud.fc.api import signing, wire
from localcloud.fc.errors import FcError
from localcloud.fc.instances.bootstrap import encode
from localcloud.fc.instances.interpreters import check_interpreter, find_interpreter
from localcloud.fc.instances.logs import FunctionLog
from localcloud.fc.model import Function, Trigger, check_function, check_name
from localcloud.fc.operations.oss_triggers import check_oss_trigger, fires, make_event
from localcloud.fc.store.pending import Pending, PendingInvocations
from localcloud.fc.store.resources import FcStore
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credential, Identity
from localcloud.kernel.signatures import SignedRequest
from localcloud.oss.model import ObjectEvent

NOW = 1_780_000_000.0
FUNCTION = Function(service="s", name="f", runtime="python3.10", handler="index.handler")
KEY = Credential(access_key_id="LOCALk", access_key_secret="secret", identity=Identity(account_id="1" * 16))
SESSION = replace(KEY, access_key_id="STS.k", security_token="token", expires_at=NOW + 10)


class Store:
    def find(self, access_key_id: str) -> Credential | None:
        return {key.access_key_id: key for key in (KEY, SESSION)}.get(access_key_id)


# Limits


@pytest.mark.parametrize("cpu", [0.25, 0.35, 1.0, None])
def test_cpu_that_fits_1_gigabyte(cpu: float | None) -> None:
    check_function(replace(FUNCTION, memory=1024, cpu=cpu))


@pytest.mark.parametrize("cpu", [0.2, 1.05, 0.33, 0.0, -1.0])
def test_cpu_that_does_not_fit_1_gigabyte(cpu: float) -> None:
    with pytest.raises(FcError, match="with 1 to 4 GB of memory for each vCPU"):
        check_function(replace(FUNCTION, memory=1024, cpu=cpu))


@pytest.mark.parametrize(
    "good",
    [{"memory": 128}, {"memory": 32768}, {"timeout": 86400}, {"disk": 10240}, {"environment": {"A": "x" * 4095}}],
)
def test_limits_are_inclusive(good: Mapping[str, Any]) -> None:
    check_function(replace(FUNCTION, **good))


@pytest.mark.parametrize(
    "bad",
    [{"memory": 127}, {"memory": 32832}, {"timeout": 0}, {"disk": 0}, {"environment": {"A": "é" * 2048}},
     {"initializer": "index"}, {"runtime": "nodejs20"}, {"environment": {"A-B": ""}}],
)  # fmt: skip
def test_beyond_the_limits(bad: Mapping[str, Any]) -> None:
    with pytest.raises(FcError) as error:
        check_function(replace(FUNCTION, **bad))
    assert error.value.status == 400


@pytest.mark.parametrize("name", ["", "1a", "a/b", "a.b", "../a", "a" * 129, "ä"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(FcError, match="is not valid"):
        check_name("functionName", name)


# Bodies


def test_unknown_properties_are_named_and_empty_ones_pass() -> None:
    with pytest.raises(FcError, match="not implemented: vpcConfig"):
        wire.read_service({"serviceName": "s", "vpcConfig": {"vpcId": "v"}})
    assert wire.read_service({"serviceName": "s", "vpcConfig": {}, "nasConfig": None}).name == "s"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"timeout": "3"}, "timeout is '3'; expected a whole number"),
        ({"timeout": True}, "timeout is True; expected a whole number"),
        ({"environmentVariables": {"A": 1}}, "environmentVariables.A is 1; expected text"),
        ({"environmentVariables": {"A": None}}, "environmentVariables.A is null; expected text"),
        ({"code": {"zipFile": "%%%"}}, "code.zipFile is not base64"),
        ({"code": []}, "code is []; expected an object"),
        (
            {"instanceLifecycleConfig": {"preStop": {"handler": "a.b"}}},
            "not implemented: instanceLifecycleConfig.preStop",
        ),
    ],
)
def test_bodies_of_the_wrong_shape(body: Mapping[str, Any], said: str) -> None:
    whole = {"functionName": "f", "runtime": "python3.10", "handler": "a.b", **body}
    with pytest.raises(FcError) as error:
        wire.read_function(whole, generation=3, service="")
    assert said in error.value.message


def test_initializer_of_each_generation() -> None:
    shared = {"functionName": "f", "runtime": "python3.10", "handler": "a.b", "code": {"zipFile": "UEs="}}
    second, _ = wire.read_function(
        {**shared, "initializer": "a.i", "initializationTimeout": 60}, generation=2, service="s"
    )
    lifecycle = {"initializer": {"handler": "a.i", "timeout": 60}}
    third, _ = wire.read_function({**shared, "instanceLifecycleConfig": lifecycle}, generation=3, service="")
    assert (second.initializer, second.initialization_timeout) == ("a.i", 60)
    assert (third.initializer, third.initialization_timeout) == ("a.i", 60)
    kept, _ = wire.read_function({"description": "x"}, generation=3, service="", before=third)
    assert kept.initializer == "a.i"
    shown = wire.write_function(third, region="cn-hangzhou", account_id="1")
    assert shown["instanceLifecycleConfig"] == lifecycle
    assert shown["functionArn"] == "acs:fc:cn-hangzhou:1:functions/f"


# Signatures


def sign(
    key: Credential, *, method: str = "POST", path: str = "/2016-08-15/services/s", **headers: str
) -> SignedRequest:
    """Sign a request with the official client."""
    all_headers = {"date": email.utils.formatdate(NOW, usegmt=True), "content-type": "application/json", **headers}
    if key.security_token:
        all_headers["x-fc-security-token"] = key.security_token
    auth = fc2.auth.Auth(key.access_key_id, key.access_key_secret, key.security_token or "")
    all_headers["authorization"] = auth.sign_request(method, path, all_headers)
    return SignedRequest(method=method, path=path, query=(), headers=all_headers, body=b"")


def identify(request: SignedRequest, now: float = NOW) -> Identity:
    return signing.authenticate(request, credentials=Store(), now=now)


@pytest.mark.parametrize("key", [KEY, SESSION])
def test_signature_of_the_official_client_is_right(key: Credential) -> None:
    assert identify(sign(key, **{"x-fc-invocation-type": "Sync", "x-fc-log-type": "Tail"})) == key.identity


@pytest.mark.parametrize("change", ["method", "path", "x-fc-log-type", "content-type", "date"])
def test_changed_after_signing(change: str) -> None:
    request = sign(KEY, **{"x-fc-log-type": "Tail"})
    if change in {"method", "path"}:
        request = replace(request, **{change: getattr(request, change) + "X"})
    else:
        later = email.utils.formatdate(NOW + 1, usegmt=True)
        request = replace(request, headers={**request.headers, change: later if change == "date" else "x"})
    with pytest.raises(FcError, match="SignatureNotMatch"):
        identify(request)


def test_requests_that_are_too_old_and_tokens_that_are_wrong() -> None:
    with pytest.raises(FcError, match="more than 900 seconds"):
        identify(sign(KEY), now=NOW + 901)
    with pytest.raises(FcError, match="expired"):
        identify(sign(SESSION), now=NOW + 10)
    with pytest.raises(FcError, match="token is missing or is not"):
        identify(sign(replace(SESSION, security_token="other")))
    with pytest.raises(FcError, match="token is missing or is not"):
        identify(sign(replace(SESSION, security_token=None)))
    with pytest.raises(FcError, match="InvalidAccessKeyID"):
        identify(sign(replace(KEY, access_key_id="nobody")))


# Events

TRIGGER = Trigger(
    function="services/s/functions/f",
    name="t",
    kind="oss",
    config={"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "incoming/", "suffix": ".jpg"}}},
    source_arn="acs:oss:cn-hangzhou:1:pictures",
    trigger_id="rule",
)
EVENT = ObjectEvent(
    name="ObjectCreated:PutObject", bucket="pictures", key="incoming/é.jpg", size=7, etag="E", time=NOW, requester="1"
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"name": "ObjectCreated:CompleteMultipartUpload"}, True),
        ({"name": "ObjectRemoved:DeleteObject"}, False),
        ({"bucket": "other"}, False),
        ({"key": "rotated/é.jpg"}, False),
        ({"key": "incoming/é.png"}, False),
    ],
)
def test_which_events_fire(change: Mapping[str, Any], expected: bool) -> None:
    assert fires(TRIGGER, replace(EVENT, **change)) is expected


@pytest.mark.parametrize("filters", [{}, {"filter": {}}, {"filter": {"key": {"prefix": "", "suffix": ""}}}])
def test_trigger_without_filter_fires_for_all(filters: Mapping[str, Any]) -> None:
    assert fires(replace(TRIGGER, config={"events": ["oss:ObjectCreated:PutObject"], **filters}), EVENT)


def test_event_has_the_documented_form() -> None:
    event = json.loads(make_event(EVENT, TRIGGER, region="cn-hangzhou", account_id="1", request_id="r"))
    assert event == {
        "events": [
            {
                "eventName": "ObjectCreated:PutObject",
                "eventSource": "acs:oss",
                "eventTime": "2026-05-28T20:26:40.000Z",
                "eventVersion": "1.0",
                "oss": {
                    "bucket": {
                        "arn": "acs:oss:cn-hangzhou:1:pictures",
                        "name": "pictures",
                        "ownerIdentity": "1",
                        "virtualBucket": "",
                    },
                    "object": {"deltaSize": 7, "eTag": "E", "key": "incoming/é.jpg", "size": 7},
                    "ossSchemaVersion": "1.0",
                    "ruleId": "rule",
                },
                "region": "cn-hangzhou",
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"requestId": "r"},
                "userIdentity": {"principalId": "1"},
            }
        ]
    }


@pytest.mark.parametrize(
    "change", [{"config": {}}, {"config": {"events": ["ObjectCreated"]}}, {"source_arn": "acs:oss"}]
)
def test_oss_triggers_that_could_never_fire(change: Mapping[str, Any]) -> None:
    with pytest.raises(FcError, match="InvalidArgument"):
        check_oss_trigger(replace(TRIGGER, **change))


# Logs, results, files


def test_tail_is_the_last_4096_bytes_and_platform_lines_stand_alone(tmp_path: Path) -> None:
    log = FunctionLog(tmp_path / "f.log").open()
    log.write(b"no end of line")
    log.line("FC Invoke End")
    assert log.tail == b"no end of line\nFC Invoke End\n"
    log.write(b"x" * 5000)
    assert log.tail == b"x" * 4096
    assert FunctionLog(tmp_path / "f.log").read() == "no end of line\nFC Invoke End\n" + "x" * 5000


@pytest.mark.parametrize(
    ("result", "expected"), [(b"\xff", b"\xff"), ("é", "é".encode()), ({"a": 1}, b'{"a": 1}'), (None, b"null")]
)
def test_results_as_bytes(result: object, expected: bytes) -> None:
    assert encode(result) == expected


def make_zip(path: Path, *names: str) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return path.read_bytes()


def test_state_survives_a_restart_and_code_without_function_does_not(tmp_path: Path) -> None:
    store = FcStore(tmp_path / "fc")
    used, _ = store.add_code(make_zip(tmp_path / "a.zip", "index.py"))
    unused, _ = store.add_code(make_zip(tmp_path / "b.zip", "other.py"))
    store.functions[FUNCTION.path] = replace(FUNCTION, code=used)
    store.triggers[TRIGGER.function, TRIGGER.name] = TRIGGER
    store.save()
    store.drop_code(keep={unused})
    assert store.code_folder(unused).exists()

    again = FcStore(tmp_path / "fc")
    assert again.functions == store.functions
    assert again.triggers == store.triggers
    assert (again.code_folder(used) / "index.py").read_text() == "x"
    assert not again.code_folder(unused).exists()


def test_damaged_state_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "functions.json").write_text("{")
    with pytest.raises(LocalCloudError, match=r"functions\.json cannot be read"):
        FcStore(tmp_path)


def test_refused_package_leaves_nothing(tmp_path: Path) -> None:
    store = FcStore(tmp_path / "fc")
    with pytest.raises(FcError, match="points out of it"):
        store.add_code(make_zip(tmp_path / "a.zip", "good.py", "../bad.py"))
    assert not list((tmp_path / "fc" / "code").iterdir())
    assert not (tmp_path / "fc" / "bad.py").exists()


def test_accepted_invocations_are_kept_until_they_are_done(tmp_path: Path) -> None:
    one = Pending(request_id="1-a", function="functions/f", payload=b"\x00\xff")
    two = Pending(request_id="1-b", function="functions/g", payload=b"")
    kept = PendingInvocations(tmp_path / "pending")
    kept.add(two)
    kept.add(one)
    assert PendingInvocations(tmp_path / "pending").all() == [one, two]
    kept.remove("1-a")
    assert kept.all() == [two]
    (tmp_path / "pending" / "1-c.json").write_text("{}")
    with pytest.raises(LocalCloudError, match=r"1-c\.json cannot be read"):
        kept.all()


def test_interpreter_is_never_that_of_a_virtual_environment() -> None:
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = find_interpreter(own, None)
    assert found.note is None
    assert not found.path.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
    forced = find_interpreter("python3.9", Path(sys.executable))
    assert forced.path == found.path
    assert forced.note == f"python3.9 runs on {own}, as the embedded cloud was told to"


def test_what_is_no_python_is_refused() -> None:
    with pytest.raises(LocalCloudError, match="is not a Python that runs here"):
        check_interpreter(Path("/nowhere/python"))


@pytest.mark.parametrize("environment", [{"A": "a\0"}, {"A\0": "a"}, {"A": "\ud800"}])
def test_variables_that_no_process_can_be_given(environment: Mapping[str, str]) -> None:
    with pytest.raises(FcError, match="environmentVariables"):
        check_function(replace(FUNCTION, environment=environment))


@pytest.mark.parametrize("handler", ["index.\0", "in dex.handler", "index"])
def test_handlers_that_name_nothing(handler: str) -> None:
    with pytest.raises(FcError, match="handler"):
        check_function(replace(FUNCTION, handler=handler))


EVENTS = {"events": ["oss:ObjectCreated:*"]}


@pytest.mark.parametrize(
    "config",
    [
        {"events": [1]},
        {**EVENTS, "filter": 1},
        {**EVENTS, "filter": {"key": [1]}},
        {**EVENTS, "filter": {"key": {"prefix": 1}}},
    ],
)
def test_oss_trigger_that_would_fail_when_it_fires(config: Mapping[str, Any]) -> None:
    trigger = Trigger(function="functions/f", name="t", kind="oss", config=config, source_arn="acs:oss:r:1:bucket")
    with pytest.raises(FcError, match="triggerConfig"):
        check_oss_trigger(trigger)
