"""Write docs/reference/coverage.md: every operation of each official client, and what the embedded cloud answers to it.

The operations are those of `tools.operations`. Each is sent, signed, with the parameters that make it this operation,
with names that do not exist, and without a body, unless that names the operation: an answer that says `not implemented` refuses it
by name; any other one comes from the operation. Nothing is taken from the cloud's own tables.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import alibabacloud_oss_v2 as oss
import oss2
from alibabacloud_tea_openapi import models as openapi
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_util.models import RuntimeOptions
from aliyun.log import LogClient, LogException

from tools.operations import CLIENTS, NAME, Client, Operation

ROOT = Path(__file__).resolve().parent.parent
FC_NODE = ROOT / "packages/localcloud/tests/integration/fc/node"  # names the Node clients of Function Compute
PAGE = ROOT / "docs/reference/coverage.md"
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
    **dict.fromkeys(
        (
            *("CreateMachineGroup", "UpdateMachineGroup", "ApplyConfigToMachineGroup", "RemoveConfigFromMachineGroup"),
            *(
                "CreateConfig",
                "UpdateConfig",
                "CreateLogtailConfig",
                "UpdateLogtailConfig",
                "UpdateMachineGroupMachine",
            ),
        ),
        "kept; no machine runs Logtail here",
    ),
    "RemoveConfigToMachineGroup": "kept; no machine runs Logtail here",
    **dict.fromkeys(("ListMachines", "ListSubstore"), "always empty"),
    "PullLogs": "in protobuf alone, which alibabacloud-sls20201230 does not read",
    **dict.fromkeys(("GetUserMFAInfo", "UnbindMFADevice"), "there is never one"),
    "PutBucketQosInfo": "rates of requests are limited, bandwidths are not",
    "SetBucketStorageCapacity": "kept; nothing is limited",
    "PutBucketResourceGroup": "kept; buckets are listed by it, and no right depends on it",
    "PutUserDefinedLogFieldsConfig": "kept; there are no real-time logs, which it is for",
}


class Cloud(Protocol):
    """A running embedded cloud."""

    endpoints: dict[str, str]
    access_key_id: str
    access_key_secret: str


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
