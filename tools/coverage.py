"""Write docs/reference/coverage.md: every operation of each official client, and what the embedded cloud answers to it.

The operations are read from the installed clients' sources. Each is sent, signed, with the parameters that make it this operation,
with names that do not exist, and without a body, unless that names the operation: an answer that says `not implemented` refuses it
by name; any other one comes from the operation. Nothing is taken from the cloud's own tables.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import alibabacloud_oss_v2 as oss
import oss2
from alibabacloud_tea_openapi import models as openapi
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_util.models import RuntimeOptions
from aliyun.log import LogClient, LogException

ROOT = Path(__file__).resolve().parent.parent
FC_NODE = ROOT / "packages/localcloud/tests/integration/fc/node"  # names the Node clients of Function Compute
PAGE = ROOT / "docs/reference/coverage.md"
NAME = "absent"  # of whatever an operation names
# What is served, but not as in a region, and how.
DIFFERS: Mapping[str, str] = {
    "GetFunctionCode": "the address is one of this service, not of OSS",
    "GetAccountSettings": "one zone, named after the region",
    "ListReservedCapacities": "always empty",
    "ListVpcBindings": "always empty",
    "ListEventSources": "always empty",
    "ListSessions": "always empty",
    "ListSnapshots": "always empty",
    "GetTemplateSummary": "no resource can be imported",
    "ListStackGroups": "always empty",
    **dict.fromkeys(("OpenMetaQuery", "OpenBucketMetaQuery"), "in the mode basic; semantic is refused by name"),
    "ListCloudBoxes": "always empty",
    "DoMetaQueryAction": "always refused, in OSS's words",
    "DoDataPipelineAction": "no pipeline can be made; the list is empty",
    "AsyncProcessObject": "refused as without Intelligent Media Management",
    **dict.fromkeys(("PostVodPlaylist", "GetVodPlaylist"), "nothing is ever recorded"),
    **dict.fromkeys(("PutCname", "PutBucketCname"), "no domain name is bound"),
    **dict.fromkeys(
        ("CreateLoginProfile", "UpdateLoginProfile", "SetPasswordPolicy", "SetSecurityPreference"),
        "kept; there is no console to log on to",
    ),
    "ListVirtualMFADevices": "always empty",
    **dict.fromkeys(
        ("GetLog", "GetLogs", "GetLogsV2", "GetProjectLogs"), "rare functions of SQL, and SPL, are refused by name"
    ),
    "PullLogs": "in protobuf alone, which alibabacloud-sls20201230 does not read",
    **dict.fromkeys(("GetUserMFAInfo", "UnbindMFADevice"), "there is never one"),
    "PutBucketQosInfo": "rates of requests are limited, bandwidths are not",
    "SetBucketStorageCapacity": "kept; nothing is limited",
    "PutBucketResourceGroup": "kept; buckets are listed by it, and no right depends on it",
    "PutUserDefinedLogFieldsConfig": "kept; there are no real-time logs, which it is for",
}
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


class Cloud(Protocol):
    """A running embedded cloud."""

    endpoints: dict[str, str]
    access_key_id: str
    access_key_secret: str


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


def ask(cloud: Cloud, client: Client, operation: Operation) -> bool:
    """Send an operation; return whether it is served."""
    match client.service:
        case "oss":
            return _ask_oss(cloud, operation)
        case "sls":
            return _ask_sls(cloud, operation)
        case _:
            return _ask_api(cloud, client, operation)


def _ask_sls(cloud: Cloud, operation: Operation) -> bool:
    client = LogClient(
        f"http://{cloud.endpoints['region']}.log.aliyuncs.com",
        cloud.access_key_id,
        cloud.access_key_secret,
        source="127.0.0.1",
    )
    client._session.proxies = {"http": cloud.endpoints["gateway"]}
    project = NAME if operation.level == "project" else None
    try:
        client._send(operation.method, project, None, operation.path, dict(operation.query), {})
    except LogException as error:
        return not _is_refusal(str(error.get_error_code()), str(error.get_error_message()))
    return True


def _ask_api(cloud: Cloud, client: Client, operation: Operation) -> bool:
    config = openapi.Config(
        access_key_id=cloud.access_key_id,
        access_key_secret=cloud.access_key_secret,
        endpoint=cloud.endpoints[client.service].removeprefix("http://"),
        protocol="http",
        region_id=cloud.endpoints["region"],
    )
    params = openapi.Params(
        action=operation.name,
        version=client.version,
        protocol="HTTP",
        pathname=operation.path,
        method=operation.method,
        auth_type="AK",
        style="ROA" if client.service == "fc" else "RPC",
        req_body_type="json",
        body_type="json",
    )
    try:
        OpenApiClient(config).call_api(params, openapi.OpenApiRequest(query={}), RuntimeOptions(autoretry=False))
    except Exception as error:  # noqa: BLE001 - the clients' errors share no class
        refused: Any = error
        return not _is_refusal(str(getattr(refused, "code", "")), str(getattr(refused, "message", "")))
    return True


def _ask_oss(cloud: Cloud, operation: Operation) -> bool:
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, cloud.access_key_secret
    )
    config.region, config.endpoint, config.use_path_style = cloud.endpoints["region"], cloud.endpoints["oss"], False
    config.retry_max_attempts = 1
    client = oss.Client(config)
    sent = oss.OperationInput(
        op_name=operation.name,
        method=operation.method,
        parameters=dict(operation.query),
        headers=dict(operation.headers),
        body=operation.body,
        bucket=None if operation.level == "service" else BUCKET,
        key=NAME if operation.level == "object" else None,
    )
    try:
        client.invoke_operation(sent)
    except oss.exceptions.OperationError as error:
        cause: Any = error.unwrap()
        return not _is_refusal(str(getattr(cause, "code", "")), str(getattr(cause, "message", "")))
    return True


BUCKET = "coverage-of-operations"


def prepare(cloud: Cloud) -> None:
    """Make the bucket that operations name; it holds an object, so that it stays."""
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    bucket = oss2.Bucket(auth, cloud.endpoints["oss"], BUCKET, region=cloud.endpoints["region"])
    bucket.create_bucket()
    bucket.put_object("present", b"")


def _is_refusal(code: str, message: str) -> bool:
    return code in {"NotImplemented", "InvalidAction.NotFound"} or message.startswith("not implemented: ")


def _capitals(name: str) -> str:
    """Return an operation's name as the API has it, GetFunctionCode, from what a client calls it."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def write_page(cloud: Cloud, node: Path) -> str:
    """Return the page, from what a cloud answers.

    Args:
        cloud: the cloud.
        node: the folder with the installed packages of Node.js.
    """
    prepare(cloud)
    totals, parts = [], []
    for client in CLIENTS:
        operations = client.operations(node)
        served = {each.name for each in operations if ask(cloud, client, each)}
        differs = {name: DIFFERS[_capitals(name)] for name in sorted(served) if _capitals(name) in DIFFERS}
        works = sorted(served - differs.keys())
        refused = sorted({each.name for each in operations} - served)
        totals.append(f"| `{client.package}` | {len(works)} | {len(differs)} | {len(refused)} |")
        parts.append(f"## {client.package}\n\n**Works**: {', '.join(works) or 'none'}.\n")
        if differs:
            parts.append("**Differs**: " + "; ".join(f"{name} ({how})" for name, how in differs.items()) + ".\n")
        parts.append(f"**Refused by name**: {', '.join(refused) or 'none'}.\n")
    head = (
        "# Coverage\n\n"
        "Every operation of each official client, and what the embedded cloud makes of it. `make coverage` writes this page: it\n"
        "reads the operations from the installed clients and sends each one to a running cloud; a test compares the two. *Works*\n"
        "says that an operation is served; what of its parameters is refused, the answer names.\n\n"
        "| client | works | differs | refused by name |\n| --- | --- | --- | --- |\n"
    )
    return head + "\n".join(totals) + "\n\n" + "\n".join(parts)


def main() -> None:
    """Start a cloud of its own and write the page."""
    import tempfile

    from tests.support.cloud import find_node_path, install_node_project, launch

    node = install_node_project(FC_NODE, "fc-node-tests", find_node_path()) / "node_modules"
    with tempfile.TemporaryDirectory() as folder:
        cloud = launch(Path(folder) / "data")
        try:
            PAGE.write_text(write_page(cloud, node))
        finally:
            cloud.stop()
    sys.stdout.write(f"{PAGE} is written\n")


if __name__ == "__main__":
    main()
