"""Input that means harm: refused in time, while the other services answer and the memory stays bounded."""

from __future__ import annotations

import base64
import functools
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.property.function import test_loading as laws
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud
from tests.torture.control import RAM, ROS, STS, Api
from tests.torture.patient import Patient
from tests.torture.signers import acs3, oss_v4, rpc
from tests.torture.sweep import Sweep
from tests.torture.wire import Answer, Request

BUCKET = "hostile"
DIGITS = "9" * 5000


@dataclass(frozen=True)
class Attack:
    """A named attack: what is sent where, and whether it may be obeyed."""

    name: str
    make: Callable[[Cloud], tuple[str, Request]]
    harmless: bool = False
    then: Callable[[Cloud, Answer], str | None] = lambda cloud, answer: None


def oss(
    method: str, path: str, query: tuple[tuple[str, str | None], ...] = (), body: bytes = b"", *headers: tuple[str, str]
) -> Any:
    """Return what makes a signed OSS request."""

    def make(cloud: Cloud) -> tuple[str, Request]:
        host = ("Host", cloud.endpoints["oss"].removeprefix("http://"))
        return "oss", oss_v4(cloud.key, Request(method, path, query, (host, *headers), body), cloud.region)

    return make


def call(service: str, action: str, version: str, **parameters: str) -> Any:
    """Return what makes a signed RPC request."""

    def make(cloud: Cloud) -> tuple[str, Request]:
        host = Api(cloud).host(service)
        given = {"RegionId": cloud.region, **parameters} if service == "ros" else parameters
        return service, rpc(cloud.key, action, version, given, host=host, form=True)

    return make


def fc(method: str, path: str, body: bytes, query: tuple[tuple[str, str | None], ...] = ()) -> Any:
    """Return what makes a signed request to Function Compute."""

    def make(cloud: Cloud) -> tuple[str, Request]:
        headers = (("Host", Api(cloud).host("fc")), ("Content-Type", "application/json"))
        return "fc", acs3(cloud.key, Request(method, path, query, headers, body))

    return make


# Templates


def nested(function: Callable[[Any], Any], depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = function(inner)
    return inner


def template(value: Any, **more: Any) -> str:
    outputs = {"Out": {"Value": value}}
    return json.dumps({"ROSTemplateFormatVersion": "2015-09-01", "Outputs": outputs, **more})


def deep_text(head: str, opened: str, closed: str, depth: int) -> str:
    return head + opened * depth + closed * depth


def templates(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield attacks by template."""
    expressions = ["(a+)+b", "(a|a)*b", "(a|aa)+$", "(.*a){25}b", "([a-z]+)*[A-Z]", "(a*)*b", "^(([a-z])+.)+[A-Z]$"]
    subject = "a" * chance.choice([30, 40, 200])
    chosen = chance.choice(expressions)
    yield f"MatchPattern {chosen}", template({"Fn::MatchPattern": [chosen, subject]})
    parameters = {"P": {"Type": "String", "AllowedPattern": chance.choice(expressions), "Default": subject}}
    yield "AllowedPattern", template("x", Parameters=parameters)
    yield (
        "Replace doubled",
        template(nested(lambda each: {"Fn::Replace": [{"a": "aaaaaaaaaa"}, each]}, chance.randrange(8, 30), "aaaa")),
    )
    yield (
        "Sub doubled",
        template(nested(lambda each: {"Fn::Sub": ["${a}" * 10, {"a": each}]}, chance.randrange(7, 20), "aaaa")),
    )
    yield (
        "Join doubled",
        template(nested(lambda each: {"Fn::Join": [each, ["", "", "", "", ""]]}, chance.randrange(12, 20), "aaaa")),
    )
    yield "Base64 nested", template(nested(lambda each: {"Fn::Base64Encode": each}, chance.randrange(60, 100), "aaaa"))
    yield "Split", template({"Fn::Split": ["a", "a" * 500_000]})
    yield "Str and Select", template(nested(lambda each: {"Fn::Select": ["0", [each]]}, 300, "a"))
    depth = chance.choice([200, 1_000, 5_000, 50_000])
    head = '{"ROSTemplateFormatVersion": "2015-09-01", "Outputs": {"O": {"Value": '
    yield f"JSON {depth} lists deep", deep_text(head, "[", "]", depth) + "}}}"
    yield f"JSON {depth} maps deep", head + '{"a":' * depth + "1" + "}" * depth + "}}}"
    yaml = "ROSTemplateFormatVersion: '2015-09-01'\n"
    yield f"YAML {depth} lists deep", f"{yaml}Outputs:\n  O:\n    Value: {deep_text('', '[', ']', depth)}\n"
    yield (
        "YAML aliases",
        yaml + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(9)),
    )
    yield "YAML of 510 KB", yaml + "Outputs:\n" + "".join(f"  O{n}:\n    Value: [1, {{a: b}}]\n" for n in range(14_000))
    yield "YAML anchors on itself", f"{yaml}Outputs: &a\n  O: *a\n"
    yield "YAML of an object", f"{yaml}Outputs: !!python/object/apply:os.system ['true']\n"
    yield "YAML numbers", f"{yaml}Outputs:\n  O:\n    Value: {DIGITS}\n"
    yield "YAML sexagesimals", f"{yaml}Outputs:\n  O:\n    Value: {':'.join(['59'] * 20_000)}\n"
    yield "a long number", template("x").replace('"x"', DIGITS)
    for bound in ("inf", "nan", "1e999", "-inf", DIGITS):
        parameters = {"P": {"Type": "String", chance.choice(["MinLength", "MaxLength"]): bound, "Default": "a"}}
        yield f"a length of {bound[:5]}", template("x", Parameters=parameters)
        parameters = {"P": {"Type": "Number", "MinValue": bound, "Default": chance.choice(["1", bound])}}
        yield f"a value of {bound[:5]}", template("x", Parameters=parameters)
    kinds: list[Any] = [
        None,
        True,
        1,
        1.5,
        "x",
        [],
        {},
        [[]],
        {"Ref": "x"},
        {"Ref": ["x"]},
        {"Fn::If": []},
        float("inf"),
    ]
    for name in ("Parameters", "Outputs", "Resources", "Conditions", "Mappings", "Rules", "Metadata"):
        yield f"{name} of another kind", template("x", **{name: chance.choice(kinds)})
        yield f"{name} with an entry of another kind", template("x", **{name: {"A": chance.choice(kinds)}})
    for name in FUNCTIONS:
        yield f"{name} of another kind", template({name: chance.choice([*kinds, [1, 2, 3], ["a", "b"], {"a": "b"}])})
    resource = {"Type": "ALIYUN::OSS::Bucket", "Properties": chance.choice(kinds), "DependsOn": chance.choice(kinds)}
    yield "a resource of other kinds", template("x", Resources={"R": resource})
    chain = {f"R{n}": {"Type": "ALIYUN::OSS::Bucket", "DependsOn": f"R{(n + 1) % 400}"} for n in range(400)}
    yield "a cycle of 400", template("x", Resources=chain)
    conditions = {f"C{n}": {"Fn::And": [f"C{n + 1}", f"C{n + 1}"]} for n in range(40)} | {
        "C40": {"Fn::Equals": ["a", "a"]}
    }
    yield "conditions doubled", template({"Fn::If": ["C0", "a", "b"]}, Conditions=conditions)


FUNCTIONS = """Ref Fn::Add Fn::And Fn::Any Fn::Avg Fn::Base64Decode Fn::Base64Encode Fn::Calculate Fn::Cidr Fn::Contains
    Fn::EachMemberIn Fn::Equals Fn::FindInMap Fn::GetAtt Fn::GetJsonValue Fn::If Fn::Index Fn::Join Fn::Jq Fn::Length Fn::ListMerge
    Fn::MatchPattern Fn::Max Fn::MergeMapToList Fn::Min Fn::Not Fn::Or Fn::Replace Fn::Select Fn::SelectMapList Fn::Split Fn::Str
    Fn::Sub""".split()  # noqa: SIM905 - one a line would fill a page


def by_template(chance: random.Random) -> list[Attack]:
    found = []
    for number, (name, text) in enumerate(templates(chance)):
        if chance.random() < 0.3:
            text = "@Base64Encoded: " + base64.b64encode(text.encode()).decode()
        action = chance.choice(["CreateStack", "CreateStack", "ValidateTemplate", "PreviewStack", "CreateChangeSet"])
        given = {"TemplateBody": text}
        if action != "ValidateTemplate":
            given["StackName"] = f"hostile-{number}-{chance.randrange(10**9)}"
        if action == "CreateChangeSet":
            given |= {"ChangeSetName": "c", "ChangeSetType": "CREATE"}
        found.append(Attack(f"template: {name}", call("ros", action, ROS, **given), True, _settles))
    return found


def _settles(cloud: Cloud, answer: Answer) -> str | None:
    """A stack that was accepted may fail, but not go on for ever."""
    if answer.status == 200 and (stack_id := json.loads(answer.body).get("StackId")):
        if Api(cloud).settled(stack_id, 25.0) is None:
            return "a stack that never settles"
    return None


# XML


def by_xml(chance: random.Random) -> list[Attack]:
    lifecycle = "<LifecycleConfiguration><Rule><ID>{}</ID><Prefix>p</Prefix><Status>Enabled</Status></Rule></LifecycleConfiguration>"
    plain = lifecycle.format("a")
    entity = '<!DOCTYPE x [<!ENTITY e "boom">]>' + lifecycle.format("&e;")
    laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    external = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + lifecycle.format("&e;")
    depth = chance.choice([1_000, 20_000, 100_000])
    bodies = {
        "DOCTYPE": entity.encode(),
        "DOCTYPE in UTF-16": entity.encode("utf-16"),
        "DOCTYPE in UTF-16, big end first": b"\xfe\xff" + entity.encode("utf-16-be"),
        "DOCTYPE in UTF-16 without a mark": b'<?xml version="1.0" encoding="utf-16-le"?>' + entity.encode("utf-16-le"),
        "DOCTYPE in EBCDIC": ('<?xml version="1.0" encoding="cp037"?>' + entity).encode("cp037"),
        "DOCTYPE in UTF-7": b'<?xml version="1.0" encoding="utf-7"?>' + entity.replace("<", "+ADw-").encode(),
        "a billion laughs": f'<!DOCTYPE x [<!ENTITY e0 "lol">{laughs}]>{lifecycle.format("&e11;")}'.encode(),
        "an external entity": external.encode(),
        "an unknown encoding": ('<?xml version="1.0" encoding="klingon"?>' + plain).encode(),
        "a multibyte encoding": ('<?xml version="1.0" encoding="shift_jis"?>' + plain).encode(),
        "the encoding idna": ('<?xml version="1.0" encoding="idna"?>' + plain).encode(),
        "the encoding zlib": ('<?xml version="1.0" encoding="zlib"?>' + plain).encode(),
        f"{depth} elements deep": b"<a>" * depth + b"</a>" * depth,
        "many attributes": b"<LifecycleConfiguration " + b" ".join(b"a%d='1'" % n for n in range(50_000)) + b"/>",
        "a NUL": plain.replace("a<", "\0<").encode(),
        "bytes that are not UTF-8": plain.encode().replace(b"<ID>a", b"<ID>\xff\xfe"),
        "a long name": b"<" + b"a" * 1_000_000 + b"/>",
        "nothing": b"",
        "3 MB": lifecycle.format("a" * 3_000_000).encode(),
    }
    harmless = {"a multibyte encoding", "many attributes"}
    target = (f"/{BUCKET}/", (("lifecycle", None),))
    found = [
        Attack(f"XML: {name}", oss("PUT", *target, body), name in harmless, _gives_back)
        for name, body in bodies.items()
    ]
    for name in ("DOCTYPE", "DOCTYPE in UTF-16", "an unknown encoding", "the encoding idna", f"{depth} elements deep"):
        for path, method, query in (
            (f"/{BUCKET}/", "POST", (("delete", None),)),
            (f"/{BUCKET}/a", "PUT", (("tagging", None),)),
            (f"/{BUCKET}/", "PUT", (("acl", None),)),
            (f"/{BUCKET}-new/", "PUT", ()),
        ):
            found.append(Attack(f"XML: {name} to {method} {path} {query}", oss(method, path, query, bodies[name])))
    parts = "<CompleteMultipartUpload><Part><PartNumber>{}</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
    for number in (DIGITS, "-1", "1.5", "١", "²", ""):
        body = parts.format(number).encode()
        query = (("uploadId", "0" * 32),)
        found.append(Attack(f"XML: the part {number[:5]}", oss("POST", f"/{BUCKET}/a", query, body)))
    return found


def _gives_back(cloud: Cloud, answer: Answer) -> str | None:
    """What was accepted can be read again."""
    if answer.status < 300:
        Bucket(cloud, BUCKET).client.get_bucket_acl()
    return None


# Numbers


def by_number(chance: random.Random) -> list[Attack]:
    values = [
        DIGITS,
        "-" + DIGITS,
        "9" * 400,
        "1e9999",
        "inf",
        "nan",
        "0x10",
        "٣",
        "²",
        "1_0",
        " 1",
        "",
        "-1",
        "9" * 20,
    ]
    found = []
    for value in [*chance.sample(values, 5), DIGITS]:
        shown = value[:6]
        encoded = "".join(letter if letter.isascii() and letter != " " else "%20" for letter in value)
        listing = ("max-keys", "max-uploads", "max-parts", "part-number-marker", "x-oss-traffic-limit", "position")
        for parameter in listing:
            more = {"max-uploads": ("uploads", None), "max-parts": ("uploadId", "0" * 32), "position": ("append", None)}
            query = tuple(each for each in ((parameter, encoded), more.get(parameter)) if each)
            method = "POST" if parameter == "position" else "GET"
            path = f"/{BUCKET}/" if parameter in {"max-keys", "max-uploads"} else f"/{BUCKET}/a"
            found.append(
                Attack(f"number: {parameter}={shown}", oss(method, path, query, b"x" * (method == "POST")), True)
            )
        part = (("partNumber", encoded), ("uploadId", "0" * 32))
        found.append(Attack(f"number: partNumber={shown}", oss("PUT", f"/{BUCKET}/a", part, b"x")))
        for template_ in ("bytes={}-", "bytes=0-{}", "bytes=-{}", "bytes={0}-{0}", "{}", "bytes=0-1,{}-"):
            header = ("Range", template_.format(value))
            found.append(
                Attack(f"number: Range {template_} {shown}", oss("GET", f"/{BUCKET}/a", (), b"", header), True)
            )
        copied = ("x-oss-copy-source-range", f"bytes=0-{value}"), ("x-oss-copy-source", f"/{BUCKET}/a")
        query = (("partNumber", "1"), ("uploadId", "0" * 32))
        found.append(Attack(f"number: copy range {shown}", oss("PUT", f"/{BUCKET}/a", query, b"", *copied)))
        for name_ in ("If-Modified-Since", "If-Unmodified-Since"):
            header = (name_, f"Fri, 27 Nov {value} 00:00:00 GMT")
            found.append(Attack(f"number: {name_} {shown}", oss("GET", f"/{BUCKET}/a", (), b"", header), True))
        found += [_presigned(parameter, value, shown) for parameter in ("Expires", "x-oss-expires", "x-oss-date")]
        found += [_dated(header, value, shown) for header in ("Date", "x-oss-date")]
        for action, parameter in (("ListStacks", "PageNumber"), ("ListStacks", "PageSize")):
            found.append(Attack(f"number: {parameter}={shown}", call("ros", action, ROS, **{parameter: value}), True))
        given = {"StackName": f"n{chance.randrange(10**9)}", "TemplateBody": template("x"), "TimeoutInMinutes": value}
        found.append(
            Attack(f"number: TimeoutInMinutes={shown}", call("ros", "CreateStack", ROS, **given), True, _settles)
        )
        tags = {f"Tags.{value or 0}.Key": "a", f"Tags.{value or 0}.Value": "b"}
        given = {"StackName": f"n{chance.randrange(10**9)}", "TemplateBody": template("x"), **tags}
        found.append(Attack(f"number: Tags.{shown}", call("ros", "CreateStack", ROS, **given), True, _settles))
        found.append(Attack(f"number: MaxItems={shown}", call("ram", "ListRoles", RAM, MaxItems=value), True))
        found.append(
            Attack(
                f"number: DurationSeconds={shown}",
                call("sts", "AssumeRole", STS, RoleArn="acs:ram::1:role/x", RoleSessionName="x", DurationSeconds=value),
            )
        )
        found.append(
            Attack(f"number: limit={shown}", fc("GET", "/2023-03-30/functions", b"", (("limit", encoded),)), True)
        )
    for field in ("memorySize", "timeout", "cpu", "diskSize", "instanceConcurrency", "initializationTimeout"):
        for text in (DIGITS[:4000], DIGITS, "1e999", "-1e999", "NaN", "Infinity", "1.5", "true", "-1"):
            body = json.dumps(_function("n")).replace('"python3.10"', f'"python3.10", "{field}": {text}').encode()
            found.append(
                Attack(
                    f"number: {field}={text[:6]}", fc("POST", "/2021-04-06/services/s/functions", body), text == "true"
                )
            )
            found.append(
                Attack(
                    f"number: {field}={text[:6]} in FC 3.0", fc("POST", "/2023-03-30/functions", body), text == "true"
                )
            )
    return found


def _presigned(parameter: str, value: str, shown: str) -> Attack:
    def make(cloud: Cloud) -> tuple[str, Request]:
        host = (("Host", cloud.endpoints["oss"].removeprefix("http://")),)
        said = "".join(letter if letter.isascii() and letter != " " else "%20" for letter in value)
        if parameter == "Expires":
            query = (("OSSAccessKeyId", cloud.key.id), ("Expires", said), ("Signature", "x"))
        else:
            times = {"x-oss-date": "20261127T000000Z", "x-oss-expires": "600"} | {parameter: said}
            scope = f"{cloud.key.id}/20261127/{cloud.region}/oss/aliyun_v4_request".replace("/", "%2F")
            query = (("x-oss-signature-version", "OSS4-HMAC-SHA256"), ("x-oss-credential", scope))
            query = (*query, *times.items(), ("x-oss-signature", "x"))  # type: ignore[assignment]
        return "oss", Request("GET", f"/{BUCKET}/a", query, host)

    return Attack(f"number: {parameter}={shown}", make)


def _dated(header: str, value: str, shown: str) -> Attack:
    def make(cloud: Cloud) -> tuple[str, Request]:
        host = ("Host", cloud.endpoints["oss"].removeprefix("http://"))
        headers = (host, (header, f"Fri, 27 Nov {value} 00:00:00 GMT"), ("Authorization", f"OSS {cloud.key.id}:x"))
        return "oss", Request("GET", f"/{BUCKET}/a", (), headers)

    return Attack(f"number: {header} of the year {shown}", make)


# Headers and addresses


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
            query = ((f"response-{name}", text),)
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


# JSON


def by_json(chance: random.Random) -> list[Attack]:
    found = []
    depth = chance.choice([900, 3_000, 100_000])
    values: list[Any] = [
        None,
        True,
        -1,
        0,
        10**30,
        1.5,
        "",
        "x",
        "\0",
        "é" * 3000,
        [],
        [1],
        {},
        {"a": 1},
        {"a": {"b": []}},
    ]
    values += [
        "\ud800",
        {"": ""},
        {"A": "\0"},
        {"A\0": "x"},
        {"a": None},
        {"handler": 1},
        {"initializer": {"handler": {}}},
    ]
    raw = {
        f"{depth} lists deep": b"[" * depth + b"]" * depth,
        f"{depth} maps deep": b'{"a":' * depth + b"1" + b"}" * depth,
        "a long number": b'{"description": ' + DIGITS.encode() + b"}",
        "no UTF-8": b'{"description": "\xff"}',
        "UTF-16": json.dumps({"description": "x"}).encode("utf-16"),
        "a list": b"[]",
        "nothing": b"",
        "half": b'{"description": "x',
        "NaN": b'{"description": NaN}',
        "one key twice": b'{"serviceName": "a", "serviceName": "b"}',
    }
    targets = [
        ("POST", "/2021-04-06/services"),
        ("PUT", "/2021-04-06/services/s"),
        ("POST", "/2021-04-06/services/s/functions"),
        ("POST", "/2023-03-30/functions"),
        ("PUT", "/2023-03-30/functions/f"),
        ("POST", "/2023-03-30/functions/f/triggers"),
        ("POST", "/2021-04-06/services/s/functions/f/triggers"),
    ]
    for method, path in targets:
        found += [Attack(f"JSON: {name} to {path}", fc(method, path, body), True) for name, body in raw.items()]
    fields = [
        *_function("f"),
        "environmentVariables",
        "instanceLifecycleConfig",
        "description",
        "logConfig",
        "role",
        "initializer",
    ]
    for field in [
        *fields,
        "layers",
        "vpcConfig",
        "nasConfig",
        "customContainerConfig",
        "internetAccess",
        "instanceType",
    ]:
        value = chance.choice(values)
        body = json.dumps({**_function(f"j{chance.randrange(10**6)}"), field: value}).encode()
        for path in ("/2021-04-06/services/s/functions", "/2023-03-30/functions"):
            found.append(Attack(f"JSON: {field}={str(value)[:12]!a} to {path}", fc("POST", path, body), True))
    trigger = {"triggerName": "t", "triggerType": "oss", "triggerConfig": {"events": ["oss:ObjectCreated:*"]}}
    for field in (*trigger, "sourceArn", "invocationRole", "qualifier"):
        for value in [*values, "[" * depth]:
            changed = json.dumps({**trigger, field: value}).encode()
            for path in ("/2021-04-06/services/s/functions/f/triggers", "/2023-03-30/functions/f/triggers"):
                found.append(Attack(f"JSON: trigger {field}={str(value)[:12]!a}", fc("POST", path, changed), True))
    for value in (
        "[" * depth,
        '{"a":' * depth,
        "null",
        "1",
        "[]",
        '{"Statement": 1}',
        '{"Version": "1", "Statement": [1]}',
        DIGITS,
    ):
        found.append(
            Attack(f"JSON: policy {value[:9]}", call("ram", "CreatePolicy", RAM, PolicyName="p", PolicyDocument=value))
        )
        trust = call("ram", "CreateRole", RAM, RoleName="r", AssumeRolePolicyDocument=value)
        found.append(Attack(f"JSON: trust {value[:9]}", trust))
        arn = "acs:ram::1:role/x"
        session = call("sts", "AssumeRole", STS, RoleArn=arn, RoleSessionName="x", Policy=value)
        found.append(Attack(f"JSON: session policy {value[:9]}", session))

    def shaped(cloud: Cloud) -> tuple[str, Request]:
        bearer = ("Authorization", f"Bearer {cloud.key.secret}")
        host = ("Host", cloud.endpoints["oss"].removeprefix("http://"))
        body = chance.choice(
            [b"[" * depth, b"1", b"{}", b'{"shape": 1, "faults": 1}', b'{"shape": {}, "faults": [1]}', b"\xff"]
        )
        return "oss", Request("PUT", "/-/localcloud/link", (), (host, bearer), body)

    found.append(Attack("JSON: to the link", shaped, True))
    return found


def _function(name: str) -> dict[str, Any]:
    code = {"zipFile": base64.b64encode(zipped({"index.py": b"x = 1"})).decode()}
    return {"functionName": name, "runtime": "python3.10", "handler": "index.handler", "code": code}


# Code packages


def zipped(files: dict[str, bytes], *, mode: int = 0o100644, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.compress_type = mode << 16, method
            archive.writestr(entry, content)
    return target.getvalue()


def by_package(chance: random.Random) -> list[Attack]:
    good = zipped({"index.py": b"x = 1", "a/b.py": b"y = 2"})
    place = chance.randrange(len(good))
    end = good.rindex(b"PK\5\6")
    packages = {
        "an empty name": zipped({"": b"x"}),
        "a name of one slash": zipped({"/": b"x"}),
        "a parent": zipped({"../out": b"x"}),
        "a parent inside": zipped({"a/../../out": b"x"}),
        "absolute": zipped({"/etc/out": b"x"}),
        "a drive": zipped({"C:\\out": b"x"}),
        "a backslash": zipped({"..\\out": b"x"}),
        "a dot": zipped({".": b"x"}),
        "a NUL": good.replace(b"index.py", b"ind\0x.py"),
        "a link": zipped({"link": b"/etc/passwd"}, mode=0o120777),
        "a link into itself": zipped({"link": b"link"}, mode=0o120777),
        "a device": zipped({"device": b""}, mode=0o020666),
        "a pipe": zipped({"pipe": b""}, mode=0o010666),
        "set-uid": zipped({"index.py": b"x"}, mode=0o104755),
        "a file in a file": zipped({"a": b"x", "a/b": b"y"}),
        "a file and a folder": zipped({"a/": b"", "a": b"y"}),
        "a long name": zipped({"a" * 5000: b"x"}),
        "a deep name": zipped({"a/" * 3000 + "b": b"x"}),
        "a name that is not UTF-8": good.replace(b"index.py", b"ind\xffx.py"),
        "a bomb of 1 GB": _bomb,
        "a size that lies": good[: end - 40] + struct.pack("<L", 0xFFFFFFFF) + good[end - 36 :],
        "a count that lies": good[: end + 8] + struct.pack("<HH", 65535, 65535) + good[end + 12 :],
        "a directory that lies": good[: end + 16] + struct.pack("<L", 0xFFFFFFF0) + good[end + 20 :],
        "a flipped byte": good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :],
        "a cut": good[: chance.randrange(1, len(good))],
        "encrypted": good.replace(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0"),
        "an unknown method": good.replace(b"\x08\0", b"\x63\0"),
        "20,000 files": _many,
        "nothing": b"",
        "noise": chance.randbytes(5000),
        "no files": zipped({}),
    }
    may = {
        "set-uid",
        "a flipped byte",
        "a long name",
        "20,000 files",
        "no files",
        "a name that is not UTF-8",
        "a drive",
    }
    may |= {"a backslash", "a dot", "a cut", "a size that lies"}
    found = []
    for name, content in packages.items():
        for path in ("/2021-04-06/services/s/functions", "/2023-03-30/functions"):
            make = functools.partial(_packed, content, path, f"p{chance.randrange(10**9)}")
            found.append(Attack(f"package: {name}", make, name in may, _stays_inside))
    for code in (
        "x",
        "====",
        "\0",
        1,
        {"a": 1},
        {"ossBucketName": 1, "ossObjectName": []},
        {"ossBucketName": "no", "ossObjectName": "no"},
    ):
        record = {**_function("c"), "code": code if isinstance(code, dict) else {"zipFile": code}}
        found.append(
            Attack(f"package: code {code!a}", fc("POST", "/2023-03-30/functions", json.dumps(record).encode()))
        )
    return found


def _packed(content: bytes | Callable[[], bytes], path: str, name: str, cloud: Cloud) -> tuple[str, Request]:
    code = base64.b64encode(content if isinstance(content, bytes) else content()).decode()
    made: tuple[str, Request] = fc("POST", path, json.dumps({**_function(name), "code": {"zipFile": code}}).encode())(
        cloud
    )
    return made


@functools.cache
def _bomb() -> bytes:
    """Return a zip that inflates to 1 GB of zeros."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("zeros", "w") as file,
    ):
        for _ in range(1024):
            file.write(bytes(1024**2))
    return target.getvalue()


@functools.cache
def _many() -> bytes:
    return zipped({f"f{n}": b"" for n in range(20_000)}, method=zipfile.ZIP_STORED)


def _stays_inside(cloud: Cloud, answer: Answer) -> str | None:
    """Nothing is written beside the folder of code packages."""
    for path in (cloud.data.parent / "out", cloud.data / "out", cloud.data / "fc" / "out", Path("/etc/out")):
        if path.exists():
            return f"{path} was written"
    return None


KINDS = {
    "templates": by_template,
    "xml": by_xml,
    "numbers": by_number,
    "headers": by_header,
    "json": by_json,
    "packages": by_package,
}


@pytest.mark.parametrize("kind", KINDS)
def test_hostile(kind: str, sweep: Sweep, tmp_path: Path) -> None:
    queue: list[Attack] = []
    with closing(Patient(sweep, tmp_path)) as patient:
        current = None
        while sweep.goes_on():
            if patient.cloud is not current:
                current = patient.cloud
                _furnish(current)
            if not queue:
                queue = KINDS[kind](sweep.random)
                sweep.random.shuffle(queue)
            attack = queue.pop()
            patient.strike(attack.name, attack.make, harmless=attack.harmless, then=attack.then)


def _furnish(cloud: Cloud) -> None:
    """Create what attacks are aimed at."""
    Bucket(cloud, BUCKET).client.put_object("a", b"content")
    api = Api(cloud)
    api.fc("POST", "/2021-04-06/services", {"serviceName": "s"})
    for path in ("/2021-04-06/services/s/functions", "/2023-03-30/functions"):
        api.fc("POST", path, _function("f"))


# The loader

LAWS = [
    laws.test_no_damaged_byte_gets_through,
    laws.test_no_damaged_byte_of_an_ordinary_zip_gets_through,
    laws.test_damage_that_nobody_pinned_is_refused_in_words_or_harmless,
    laws.test_an_index_with_any_field_replaced_is_refused_or_safe,
    laws.test_bytes_that_are_no_index_are_refused,
    laws.test_a_wrong_digest_of_any_block_is_refused,
]


def test_hostile_archives(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """The laws of loading, each with a seed of its own again and again."""
    for law in LAWS:
        monkeypatch.setattr(law.hypothesis, "inner_test", _counted(law.hypothesis.inner_test, sweep))
    while sweep.goes_on():
        law, seed = sweep.random.choice(LAWS), sweep.random.randrange(2**32)
        try:
            hypothesis.seed(seed)(law)()
        except Exception as error:  # noqa: BLE001 - whatever a law ends with, it was broken
            sweep.accepted(f"broken: {law.__name__}", f"hypothesis seed {seed}: {type(error).__name__} {error}")


def _counted(law: Callable[..., None], sweep: Sweep) -> Callable[..., None]:
    @functools.wraps(law)
    def counted(*args: Any, **kwargs: Any) -> None:
        sweep.tally.mutations += 1
        law(*args, **kwargs)
        sweep.tally.refused += 1

    return counted
