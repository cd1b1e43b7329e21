"""The operations of the official clients, as the installed clients' sources have them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import alibabacloud_oss_v2 as oss
import oss2

NAME = "absent"  # of whatever an operation names
# The parameters that a caller gives, where any value would make another operation.
VALUES = {"encoding-type": "url", "list-type": "2"}
PROCESSES = {
    "SelectObject": "csv/select",
    "CreateSelectObjectMeta": "csv/meta",
    "create_select_object_meta": "csv/meta",
}
# The bodies that name the operation.
BODIES = {
    "x-oss-process": b"x-oss-process=image/info|sys/saveas,o_YWJzZW50",
    "x-oss-async-process": b"x-oss-async-process=image/info",
}
# Methods of aliyun-fc2 and of @alicloud/fc2 that are no operation.
WITHOUT = frozenset({"do_http_request", "websocket", "get", "post", "put", "delete"})


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation as a client sends it."""

    name: str
    method: str = "POST"
    path: str = "/"  # of an API with paths
    level: str = ""  # of OSS: service, bucket or object; of SLS: service or project
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes | None:
        """What names the operation in its body; None: nothing does."""
        return next((body for name, body in BODIES.items() if self.query.get(name) == ""), None)


@dataclass(frozen=True, kw_only=True)
class Client:
    """An official client: its distribution, the service that it speaks to, and the version of the API; empty: OSS."""

    package: str
    service: str
    module: str
    version: str = ""

    def operations(self, node: Path) -> list[Operation]:
        """Return the operations, as the client's source has them, in the order of their names.

        Args:
            node: the folder with the installed packages of Node.js.
        """
        readers = {
            "aliyun-fc2": _read_fc2,
            "aliyun-python-sdk-kms": _read_requests,
            "oss2": _read_oss2,
            "alibabacloud-oss-v2": _read_oss_v2,
            "@alicloud/fc2": _read_node_fc2,
            "@alicloud/fc20230330": _read_node_generated,
            "aliyun-log-python-sdk": _read_log,
            "alibabacloud-sls20201230": _read_generated_log,
        }
        source = node / self.module if self.package.startswith("@") else _source_of(self.module)
        found = {each.name: each for each in readers.get(self.package, _read_generated)(source)}
        return sorted(found.values(), key=lambda each: each.name)


def _source_of(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


CLIENTS: Sequence[Client] = (
    Client(package="oss2", service="oss", module="oss2.api"),
    Client(package="alibabacloud-oss-v2", service="oss", module="alibabacloud_oss_v2.operations"),
    Client(package="aliyun-fc2", service="fc", module="fc2.client", version="2016-08-15"),
    Client(
        package="alibabacloud-fc-open20210406",
        service="fc",
        module="alibabacloud_fc_open20210406.client",
        version="2021-04-06",
    ),
    Client(
        package="alibabacloud-fc20230330", service="fc", module="alibabacloud_fc20230330.client", version="2023-03-30"
    ),
    Client(package="@alicloud/fc2", service="fc", module="@alicloud/fc2/lib/client.js", version="2016-08-15"),
    Client(
        package="@alicloud/fc20230330",
        service="fc",
        module="@alicloud/fc20230330/dist/client.js",
        version="2023-03-30",
    ),
    Client(
        package="alibabacloud-ram20150501",
        service="ram",
        module="alibabacloud_ram20150501.client",
        version="2015-05-01",
    ),
    Client(
        package="alibabacloud-sts20150401",
        service="sts",
        module="alibabacloud_sts20150401.client",
        version="2015-04-01",
    ),
    Client(
        package="alibabacloud-ros20190910",
        service="ros",
        module="alibabacloud_ros20190910.client",
        version="2019-09-10",
    ),
    Client(package="aliyun-log-python-sdk", service="sls", module="aliyun.log.logclient"),
    Client(package="alibabacloud-sls20201230", service="sls", module="alibabacloud_sls20201230.client"),
    Client(
        package="aliyun-python-sdk-kms",
        service="kms",
        module="aliyunsdkkms.request.v20160120",
        version="2016-01-20",
    ),
)


def _read_generated(source: Path) -> Iterator[Operation]:
    """Read a client that the vendor generates: each of its calls names action, method and path."""
    for block in re.findall(r"Params\(\n(.*?)\n        \)", source.read_text(), re.DOTALL):
        given = dict(re.findall(r"(action|method|pathname)\s*=\s*(.*?),?\n", block))
        path = re.sub(r"\{[^/]*\}", NAME, given["pathname"].strip("f'"))
        yield Operation(name=given["action"].strip("'"), method=given["method"].strip("'"), path=path)


def _read_requests(source: Path) -> Iterator[Operation]:
    """Read a client that has a module for each operation."""
    for module in source.parent.glob("*Request.py"):
        yield Operation(name=module.name.removesuffix("Request.py"))


def _read_fc2(source: Path) -> Iterator[Operation]:
    for name, body in re.findall(r"\n    def ([a-z]\w+)\((.*?)(?=\n    def |\Z)", source.read_text(), re.DOTALL):
        method, path = re.search(r"method = '(\w+)'", body), re.search(r"(?:path|url) = '([^']*)'", body)
        if path and (method or "self.websocket(" in body) and name not in WITHOUT:
            shape = re.sub(r"\{\d\}", NAME, path[1].replace("{0}", "2016-08-15"))
            yield Operation(name=name, method=method[1] if method else "GET", path=shape)


def _read_node_fc2(source: Path) -> Iterator[Operation]:
    for name, body in re.findall(r"\n  (?:async )?([a-z]\w+)\((.*?)(?=\n  }\n)", source.read_text(), re.DOTALL):
        call = re.search(
            r"this\.(get|post|put|delete|request|websocket)\(\s*(?:'([A-Z]+)',\s*)?([`'][^`']*[`'])?", body
        )
        path = (call and call[3]) or next(iter(re.findall(r"path = (`[^`]*`)", body)), None)
        if call and path and name not in WITHOUT:
            shape = re.sub(r"\$\{[^}]*\}", NAME, path.strip("`'"))
            method = call[2] or ("GET" if call[1] == "websocket" else call[1].upper())
            yield Operation(name=name, method=method, path=f"/2016-08-15{shape}")


def _read_node_generated(source: Path) -> Iterator[Operation]:
    for block in re.findall(r"Params\(\{(.*?)\}\);", source.read_text(), re.DOTALL):
        given = dict(re.findall(r"(action|method|pathname): [\"`](.*?)[\"`],", block))
        path = re.sub(r"\$\{[^}]*\}", NAME, given["pathname"])
        yield Operation(name=given["action"], method=given["method"], path=path)


def _read_oss2(source: Path) -> Iterator[Operation]:
    for name, body in re.findall(
        r"\n    def ([a-z]\w+)\((.*?)(?=\n    def |\nclass |\Z)", source.read_text(), re.DOTALL
    ):
        call = re.search(r"\.(?:(?:_Bucket)?__do_(bucket|object)|_do)\((.*)", body)
        if call is None:
            continue
        method = re.search(r"'([A-Z]+)'", call[2])
        if method is None:
            continue
        said = ", ".join(re.findall(r"(?<!_)params\s*=\s*\{([^}]*)\}", body))
        given = re.findall(rf"({_NAME})\s*:\s*({_NAME})?", said)
        given += re.findall(rf"(?:tmp_|(?<!_))params\[({_NAME})\]\s*=\s*({_WORD})?", body)
        query = {_constant(each): _value(_constant(each), value, name) for each, value in given}
        headers = (
            {"x-oss-access-point-name": NAME}
            if re.search(r"def [^)]*accessPointName|'x-oss-access-point-name'\]", body)
            else {}
        )
        yield Operation(name=name, method=method[1], level=call[1] or "service", query=query, headers=headers)


_WORD = r"""'[^']*'|"[^"]*\""""
_NAME = rf"(?:Bucket|Service)\.[A-Z_0-9]+|{_WORD}"


def _constant(text: str) -> str:
    """Return the name that oss2's source writes as a text, or as a constant of a class."""
    owner, _, attribute = text.partition(".")
    return str(getattr(getattr(oss2, owner), attribute)) if attribute else text.strip("'\"")


def _value(parameter: str, written: str, operation: str) -> str:
    """Return the value of a parameter: the one that the client's source has, or one that a caller may give."""
    if parameter == "x-oss-process" and operation in PROCESSES:
        return PROCESSES[operation]
    return _constant(written) if written else VALUES.get(parameter, "1")


def _read_oss_v2(source: Path) -> Iterator[Operation]:
    for module in sorted(source.parent.glob("*.py")):
        for block in re.findall(r"OperationInput\((.*?)\n        \)", module.read_text(), re.DOTALL):
            names = {name: re.search(rf"{name}='(\w+)'", block) for name in ("op_name", "method")}
            if not all(names.values()):
                continue
            parameters = re.search(r"parameters=\{(.*?)\}", block, re.DOTALL)
            query = dict(re.findall(r"'([\w-]+)': '([\w-]*)'", parameters[1])) if parameters else {}
            query |= _required(str(names["op_name"] and names["op_name"][1]), "query")
            headers = _required(str(names["op_name"] and names["op_name"][1]), "header")
            level = "object" if "key=" in block else "bucket" if "bucket=" in block else "service"
            method, name = names["method"], names["op_name"]
            assert method is not None
            assert name is not None
            yield Operation(name=name[1], method=method[1], level=level, query=query, headers=headers)


def _required(operation: str, position: str) -> dict[str, str]:
    """Return the parameters, or headers, without which a request is none of this operation."""
    model = getattr(oss.models, f"{operation}Request", None)
    attributes = getattr(model, "_attribute_map", {}).values()
    wanted = (
        each["rename"]
        for each in attributes
        if each.get("position") == position
        and (each.get("required") or each.get("rename") == "x-oss-access-point-name")
    )
    return {name: _value(name, "", operation) for name in wanted}


def _read_log(source: Path) -> Iterator[Operation]:
    for name, body in re.findall(r"\n    def ([a-z]\w+)\((.*?)(?=\n    def |\Z)", source.read_text(), re.DOTALL):
        body = re.sub(r"(_send\([^)]*\)).*", r"\1", body, flags=re.DOTALL)  # some send otherwise when they are told to
        sent = re.search(r"""_send\(\s*["']([A-Z]+)["'],\s*(\w+)""", body)
        path = re.search(r"resource = (.*)", body)
        if sent is None or path is None:
            continue
        plural = re.sub(r'pluralize\("(\w+)"\)', r'"\1s"', path[1])
        parts = re.findall(r"""["']([^"']*)["']|(?<![.\w])(?!str\b)([a-zA-Z_][\w.]*)""", plural.partition(".format")[0])
        shape = "".join(literal or _name_in(variable) for literal, variable in parts).replace("{}", NAME)
        said = re.findall(r"params\s*=\s*\{([^}]*)\}", body) + re.findall(r"params\[([^]]*\]\s*=\s*.*)", body)
        query = dict(
            pair for each in said for pair in re.findall(r"""["'](type|action)["']\]?\s*[:=]\s*["'](\w+)["']""", each)
        )
        level = "service" if sent[2] == "None" else "project"
        yield Operation(name=name, method=sent[1], path=shape, level=level, query=query)


def _read_generated_log(source: Path) -> Iterator[Operation]:
    for body in re.split(r"\n    def \w+with_options\(", source.read_text())[1:]:
        block = re.search(r"Params\(\n(.*?)\n        \)", body, re.DOTALL)
        assert block is not None
        given = dict(re.findall(r"(action|method|pathname)\s*=\s*(.*?),?\n", block[1]))
        path, _, query = given["pathname"].strip("f'").partition("?")
        yield Operation(
            name=given["action"].strip("'"),
            method=given["method"].strip("'"),
            path=re.sub(r"\{(\w+)\}", lambda found: _name_in(found[1]), path),
            level="project" if "host_map['project']" in body.split("async def")[0] else "service",
            query=dict(pair.split("=") for pair in query.split("&") if pair),
        )


def _name_in(variable: str) -> str:
    """Return what stands for a variable in a path of SLS, whose shards are numbers."""
    return "0" if variable.lower() in ("shard", "shard_id", "shardid") else NAME
