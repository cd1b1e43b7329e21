"""JSON that is deep, long or of another kind, in every body that is JSON."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.support.wire import Request
from tests.torture.attacks.common import DIGITS, Attack, call, fc, function
from tests.torture.cloud import Cloud
from tests.torture.control import RAM, STS


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
        *function("f"),
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
        body = json.dumps({**function(f"j{chance.randrange(10**6)}"), field: value}).encode()
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
