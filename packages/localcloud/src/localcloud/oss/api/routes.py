"""The OSS listener: finds the operation that a request asks for, and turns errors into answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from aiohttp import web

from localcloud.kernel.door import ADMINISTRATION, EVERYTHING, HOST, ID, is_administrator, open_door, read_body
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Authorizer, CredentialStore
from localcloud.kernel.values import read_json
from localcloud.oss.api import objects as handlers
from localcloud.oss.api.gate import Gate, Target, read_target
from localcloud.oss.api.objects import SETTINGS, Call, Handler
from localcloud.oss.digests import read_digests
from localcloud.oss.errors import OssError
from localcloud.oss.link import Link, parse_fault, parse_shape
from localcloud.oss.operations.objects import OssService
from localcloud.oss.xml import render

ADMIN = ADMINISTRATION + "link"  # no bucket's name begins with a hyphen
MAX_LINK = 65536  # bytes of its description
LONG = 256  # characters of an element that `x-oss-err` still holds; clients take 64 KB of a header at most

# (method, level) -> the subresource in the query that selects an operation, the first that is there; "" for none
Operations = Mapping[tuple[str, str], Mapping[str, Handler]]

OPERATIONS: Operations = {
    ("GET", "service"): {"": handlers.list_buckets},
    ("PUT", "bucket"): {
        "acl": handlers.put_bucket_acl,
        **{setting.parameter: handlers.put_setting(setting) for setting in SETTINGS},
        "": handlers.put_bucket,
    },
    ("GET", "bucket"): {
        "acl": handlers.get_bucket_acl,
        "bucketInfo": handlers.bucket_info,
        "location": handlers.bucket_location,
        "stat": handlers.bucket_stat,
        "uploads": handlers.list_uploads,
        **{setting.parameter: handlers.get_setting(setting) for setting in SETTINGS},
        "": handlers.list_objects,
    },
    ("HEAD", "bucket"): {"": handlers.head_bucket},
    ("DELETE", "bucket"): {
        **{setting.parameter: handlers.delete_setting(setting) for setting in SETTINGS},
        "": handlers.delete_bucket,
    },
    ("POST", "bucket"): {"delete": handlers.delete_objects},
    ("PUT", "object"): {
        "acl": handlers.put_object_acl,
        "symlink": handlers.put_symlink,
        "tagging": handlers.put_object_tagging,
        "uploadId": handlers.put_part,
        "": handlers.put_object,
    },
    ("GET", "object"): {
        "acl": handlers.get_object_acl,
        "symlink": handlers.get_symlink,
        "tagging": handlers.get_object_tagging,
        "uploadId": handlers.list_parts,
        "": handlers.get_object,
    },
    ("HEAD", "object"): {"objectMeta": handlers.object_meta, "": handlers.head_object},
    ("DELETE", "object"): {
        "tagging": handlers.delete_object_tagging,
        "uploadId": handlers.abort_upload,
        "": handlers.delete_object,
    },
    ("POST", "object"): {
        "append": handlers.append_object,
        "uploads": handlers.begin_upload,
        "uploadId": handlers.complete_upload,
    },
}
# What an operation becomes when the header x-oss-copy-source names where its bytes come from.
COPIES: Mapping[Handler, Handler] = {
    handlers.put_object: handlers.copy_object,
    handlers.put_part: handlers.copy_part,
}
# Query parameters that say more about an operation instead of selecting another one.
MODIFIERS = frozenset(
    """continuation-token delimiter encoding-type fetch-owner key-marker list-type marker max-keys max-parts max-uploads partNumber
    part-number-marker position prefix sequential start-after upload-id-marker Expires OSSAccessKeyId Signature security-token
    regionList x-oss-additional-headers x-oss-credential x-oss-date x-oss-expires x-oss-security-token x-oss-signature
    x-oss-signature-version x-oss-traffic-limit""".split()  # noqa: SIM905 - one a line would fill a page
)


def find_operation(method: str, target: Target, *, copy: bool) -> Handler:
    """Return the handler of a request.

    Raises:
        OssError: NotImplemented, with the name of what is not; MethodNotAllowed.
    """
    level = "object" if target.key else "bucket" if target.bucket else "service"
    operations = OPERATIONS.get((method, level))
    if operations is None:
        raise OssError("MethodNotAllowed", f"The specified method {method} is not allowed against this resource.")
    known = MODIFIERS | operations.keys()
    for name in target.query:
        if name not in known and not name.startswith("response-"):
            raise OssError("NotImplemented", f"not implemented: {method} {level} with ?{name}")
    found = next((handler for name, handler in operations.items() if name and name in target.query), operations.get(""))
    if found is None:
        raise OssError("NotImplemented", f"not implemented: {method} on a {level}")
    return COPIES.get(found, found) if copy else found


def create_app(
    service: OssService,
    *,
    credentials: CredentialStore,
    authorizer: Authorizer,
    account_id: str,
    admin_token: str,
    region: str,
    link: Link,
    clock: Callable[[], float],
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves OSS.

    Args:
        service: the domain.
        credentials: whose keys sign.
        authorizer: what they may do.
        account_id: the owner of everything.
        admin_token: the bearer token of the administration's endpoints.
        region: the region's id, which V4 signatures name.
        link: the link's speed and faults.
        clock: seconds since the epoch.
        serves: says whether a host name is OSS's.
    """
    gate = Gate(credentials=credentials, authorizer=authorizer, region=region, account_id=account_id, clock=clock)

    async def serve(request: web.Request) -> web.StreamResponse:
        target = read_target(request[HOST], request.raw_path)
        if f"/{target.bucket}/{target.key}".startswith(ADMINISTRATION):
            return await _administer(request, link, admin_token)
        identity = gate.identify(request, target)
        operation = find_operation(request.method, target, copy="x-oss-copy-source" in request.headers)
        digests = read_digests(request.headers)
        body = b""
        if operation not in handlers.STREAMED:
            body = await handlers.read_body(request) if request.can_read_body else b""
            digests.check_content(body)
        call = Call(
            request=request,
            target=target,
            identity=identity,
            service=service,
            gate=gate,
            link=link,
            digests=digests,
            body=body,
        )
        return await operation(call)

    async def decorate(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = "AliyunOSS"

    application = open_door(_Oss(), serves=serves, max_body=0)
    application.on_response_prepare.append(decorate)
    application.router.add_route("*", EVERYTHING, serve)
    return application


class _Oss:
    """How OSS says what every service says."""

    request_id_header = "x-oss-request-id"

    def new_request_id(self) -> str:
        return handlers.request_id()

    def fault(self, status: int, message: str) -> ApiError:
        codes = {405: "MethodNotAllowed", 413: "EntityTooLarge", 500: "InternalError"}
        return ApiError(codes.get(status, "InvalidArgument"), message, status)

    def render(self, request: web.Request, error: ApiError) -> web.Response:
        detail, headers = (error.detail, error.headers) if isinstance(error, OssError) else ({}, {})
        if error.status == 304:
            return web.Response(status=304)
        record = {
            "Code": error.code,
            "Message": error.message,
            "RequestId": request[ID],
            "HostId": request.host,
            **detail,
        }
        body, headers = render("Error", record), dict(headers)
        if request.method == "HEAD":  # whose answer has no body
            headers["x-oss-err"], body = base64.b64encode(render("Error", _shorten(record))).decode(), b""
        response = web.Response(status=error.status, body=body, content_type="application/xml", headers=headers)
        if request.can_read_body and not request.content.at_eof():
            response.force_close()  # the rest of a refused upload is not read
        return response


def _shorten(record: Mapping[str, str]) -> dict[str, str]:
    """Return an error's elements without the long ones, such as StringToSign; a long message is cut."""
    return {name: text[:LONG] for name, text in record.items() if name == "Message" or len(text) <= LONG}


async def _administer(request: web.Request, link: Link, token: str) -> web.Response:
    """Read and change the link: `GET|PUT /-/localcloud/link` with `{"shape": {…}, "faults": [{…}]}`."""
    if not is_administrator(request, token):
        return web.json_response({"error": "send `Authorization: Bearer ACCESS_KEY_SECRET`"}, status=401)
    if request.raw_path != ADMIN or request.method not in {"GET", "PUT"}:
        return web.json_response({"error": f"not implemented: {request.method} {request.raw_path}"}, status=404)
    if request.method == "PUT":
        try:
            record = read_json(await read_body(request, MAX_LINK) or b"")
            shape, faults = parse_shape(record["shape"]), [parse_fault(fault) for fault in record["faults"]]
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        link.shape = shape
        link.set_faults(faults)
    return web.json_response(
        {
            "shape": {"bandwidth": link.shape.bandwidth, "latency": link.shape.latency},
            "faults": [{name: getattr(fault, name) for name in fault.__dataclass_fields__} for fault in link.faults],
        }
    )
