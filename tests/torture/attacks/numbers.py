"""Numbers of 5,000 digits, and those that are none, wherever a number stands."""

from __future__ import annotations

import json
import random

from tests.support.wire import Query, Request
from tests.torture.attacks.common import BUCKET, DIGITS, Attack, call, fc, function, oss
from tests.torture.attacks.templates import settles, template
from tests.torture.cloud import Cloud
from tests.torture.control import RAM, ROS, STS


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
            Attack(f"number: TimeoutInMinutes={shown}", call("ros", "CreateStack", ROS, **given), True, settles)
        )
        tags = {f"Tags.{value or 0}.Key": "a", f"Tags.{value or 0}.Value": "b"}
        given = {"StackName": f"n{chance.randrange(10**9)}", "TemplateBody": template("x"), **tags}
        found.append(Attack(f"number: Tags.{shown}", call("ros", "CreateStack", ROS, **given), True, settles))
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
            body = json.dumps(function("n")).replace('"python3.10"', f'"python3.10", "{field}": {text}').encode()
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
            query: Query = (("OSSAccessKeyId", cloud.key.id), ("Expires", said), ("Signature", "x"))
        else:
            times = {"x-oss-date": "20261127T000000Z", "x-oss-expires": "600"} | {parameter: said}
            scope = f"{cloud.key.id}/20261127/{cloud.region}/oss/aliyun_v4_request".replace("/", "%2F")
            query = (("x-oss-signature-version", "OSS4-HMAC-SHA256"), ("x-oss-credential", scope))
            query = (*query, *times.items(), ("x-oss-signature", "x"))
        return "oss", Request("GET", f"/{BUCKET}/a", query, host)

    return Attack(f"number: {parameter}={shown}", make)


def _dated(header: str, value: str, shown: str) -> Attack:
    def make(cloud: Cloud) -> tuple[str, Request]:
        host = ("Host", cloud.endpoints["oss"].removeprefix("http://"))
        headers = (host, (header, f"Fri, 27 Nov {value} 00:00:00 GMT"), ("Authorization", f"OSS {cloud.key.id}:x"))
        return "oss", Request("GET", f"/{BUCKET}/a", (), headers)

    return Attack(f"number: {header} of the year {shown}", make)
