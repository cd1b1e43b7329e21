"""The table of routes of Function Compute's API, and the way of a request to its operation.

Sources: Function Compute API references 2016-08-15 and 2021-04-06 (FC 2.0), 2023-03-30 (FC 3.0).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import web

from localcloud.fc.api import (
    account,
    aliases,
    async_tasks,
    configs,
    domains,
    functions,
    instances,
    invocations,
    layers,
    services,
    signing,
    tags,
    triggers,
    uploads,
    versions,
)
from localcloud.fc.api.bodies import parse_body
from localcloud.fc.api.calls import Call
from localcloud.fc.api.code import PackageLinks, get_function_code
from localcloud.fc.api.http_triggers import NAMES, find_trigger, serve_trigger
from localcloud.fc.api.paths import find_target
from localcloud.fc.api.refused import REFUSED
from localcloud.fc.errors import STATUS, FcError
from localcloud.fc.instances.requests import new_request_id
from localcloud.fc.operations.service import FcService
from localcloud.fc.platform import MAX_CODE_API, MB
from localcloud.kernel.access import Caller, Denial, Gate
from localcloud.kernel.door import ADMINISTRATION, BODIES, EVERYTHING, HOST, ID, is_loopback, open_door
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Authorizer, CredentialStore, Identity
from localcloud.kernel.rpc import aside, read_request
from localcloud.kernel.signatures import Authenticator, SignedRequest

MAX_BODY = MAX_CODE_API * 4 // 3 + MB  # bytes: a code package in base64, and the rest of the request
INSTANCES = ADMINISTRATION + "instances"

Serve = Callable[[FcService, Call], Awaitable[web.Response]]
OPERATIONS: Mapping[str, Serve] = {  # by the names that `table.ROUTES` gives
    "CreateService": services.create_service,
    "GetService": services.get_service,
    "ListServices": services.list_services,
    "UpdateService": services.update_service,
    "DeleteService": services.delete_service,
    "CreateFunction": functions.create_function,
    "GetFunction": functions.get_function,
    "ListFunctions": functions.list_functions,
    "UpdateFunction": functions.update_function,
    "DeleteFunction": functions.delete_function,
    "PublishServiceVersion": versions.publish_version,
    "ListServiceVersions": versions.list_versions,
    "DeleteServiceVersion": versions.delete_version,
    "PublishFunctionVersion": versions.publish_version,
    "ListFunctionVersions": versions.list_versions,
    "DeleteFunctionVersion": versions.delete_version,
    "CreateAlias": aliases.create_alias,
    "GetAlias": aliases.get_alias,
    "ListAliases": aliases.list_aliases,
    "UpdateAlias": aliases.update_alias,
    "DeleteAlias": aliases.delete_alias,
    "CreateTrigger": triggers.create_trigger,
    "GetTrigger": triggers.get_trigger,
    "ListTriggers": triggers.list_triggers,
    "UpdateTrigger": triggers.update_trigger,
    "DeleteTrigger": triggers.delete_trigger,
    "GetFunctionCode": get_function_code,
    "CreateLayerVersion": layers.create_layer_version,
    "GetLayerVersion": layers.get_layer_version,
    "GetLayerVersionByArn": layers.get_layer_version_by_arn,
    "ListLayers": layers.list_layers,
    "ListLayerVersions": layers.list_layer_versions,
    "DeleteLayerVersion": layers.delete_layer_version,
    "PutLayerACL": layers.put_layer_acl,
    "InvokeFunction": invocations.invoke_function,
    "PutProvisionConfig": configs.put_provision_config,
    "GetProvisionConfig": configs.get_provision_config,
    "DeleteProvisionConfig": configs.delete_provision_config,
    "ListProvisionConfigs": configs.list_provision_configs,
    "PutScalingConfig": configs.put_scaling_config,
    "GetScalingConfig": configs.get_scaling_config,
    "DeleteScalingConfig": configs.delete_scaling_config,
    "ListScalingConfigs": configs.list_scaling_configs,
    "PutConcurrencyConfig": configs.put_concurrency_config,
    "GetConcurrencyConfig": configs.get_concurrency_config,
    "DeleteConcurrencyConfig": configs.delete_concurrency_config,
    "ListConcurrencyConfigs": configs.list_concurrency_configs,
    "PutFunctionOnDemandConfig": configs.put_on_demand_config,
    "GetFunctionOnDemandConfig": configs.get_on_demand_config,
    "DeleteFunctionOnDemandConfig": configs.delete_on_demand_config,
    "ListOnDemandConfigs": configs.list_on_demand_configs,
    "PutAsyncInvokeConfig": configs.put_async_config,
    "GetAsyncInvokeConfig": configs.get_async_config,
    "DeleteAsyncInvokeConfig": configs.delete_async_config,
    "ListAsyncInvokeConfigs": configs.list_async_configs,
    "PutFunctionAsyncInvokeConfig": configs.put_async_config,
    "GetFunctionAsyncInvokeConfig": configs.get_async_config,
    "DeleteFunctionAsyncInvokeConfig": configs.delete_async_config,
    "ListFunctionAsyncInvokeConfigs": configs.list_async_configs,
    "GetAsyncTask": async_tasks.get_task,
    "ListAsyncTasks": async_tasks.list_tasks,
    "StopAsyncTask": async_tasks.stop_task,
    "GetStatefulAsyncInvocation": async_tasks.get_task,
    "ListStatefulAsyncInvocations": async_tasks.list_tasks,
    "StopStatefulAsyncInvocation": async_tasks.stop_task,
    "ListStatefulAsyncInvocationFunctions": async_tasks.list_functions_with_tasks,
    "TagResource": tags.tag_resource,
    "GetResourceTags": tags.get_resource_tags,
    "UntagResource": tags.untag_resource,
    "ListTaggedResources": tags.list_tagged_resources,
    "TagResources": tags.tag_resources,
    "UntagResources": tags.untag_resources,
    "ListTagResources": tags.list_tag_resources,
    "CreateCustomDomain": domains.create_custom_domain,
    "GetCustomDomain": domains.get_custom_domain,
    "ListCustomDomains": domains.list_custom_domains,
    "UpdateCustomDomain": domains.update_custom_domain,
    "DeleteCustomDomain": domains.delete_custom_domain,
    "GetAccountSettings": account.get_account_settings,
    "GetTempBucketToken": uploads.get_temp_bucket_token,
    "GetTempCodeBucketToken": uploads.get_temp_code_bucket_token,
    "DescribeRegions": account.describe_regions,
    "ListInstances": account.list_instances,
    "EnableFunctionInvocation": account.enable_invocation,
    "DisableFunctionInvocation": account.disable_invocation,
    **account.EMPTY,
}


class Api:
    """The operations of all versions: each request is read, authenticated and authorized before it acts."""

    def __init__(
        self,
        fc: FcService,
        *,
        authenticator: Authenticator,
        credentials: CredentialStore,
        authorizer: Authorizer,
        links: PackageLinks,
        clock: Callable[[], float],
    ) -> None:
        self._fc = fc
        self._links = links
        self._authenticator = authenticator
        self._credentials = credentials
        self._gate = Gate(authorizer, _refuse)
        self._clock = clock

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve a request, which is one of the API or one for an HTTP trigger."""
        host, own = request[HOST], self._fc.settings.account_id
        if host.endswith(NAMES) and (account := host.partition(".")[0]) != own:
            await self._authenticate(request)  # as on the platform, a wrong key is told before anything else
            raise FcError("AccessDenied", f"the host {host} is of account {account}; the caller's account is {own}")
        if found := find_trigger(self._fc, request):
            return await serve_trigger(self._fc, request, found, self._authorize)
        return await self._operate(request)

    def _authorize(self, signed: SignedRequest, request: web.Request, function: str) -> Caller:
        caller = Caller.of_request(self._identify(signed), source_ip=request.remote, secure=request.secure)
        region, account_id = self._fc.settings.region, self._fc.settings.account_id
        self._gate.require(caller, "fc:InvokeFunction", f"acs:fc:{region}:{account_id}:{function}")
        return caller

    async def _authenticate(self, request: web.Request) -> tuple[SignedRequest, Identity]:
        # The official client for Java signs the digest of a document that then gets one more member, with this digest in it.
        of_2016 = request.headers.get("Authorization", "").startswith(signing.SCHEME)
        body = await request.app[BODIES].read(request)
        signed = await read_request(request, compares=not of_2016 or b'"Content-MD5"' not in body)
        return signed, await aside(signed, lambda: self._identify(signed))

    async def _operate(self, request: web.Request) -> web.StreamResponse:
        """Find the target of a request, authenticate it, authorize it, and do it: all four from the same `Target`."""
        signed, identity = await self._authenticate(request)
        caller = Caller.of_request(identity, source_ip=request.remote, secure=request.secure)
        # A parameter that comes twice is refused with what is served, none of which knows such a one.
        target = find_target(signed.method, signed.path, dict(signed.query))
        serve = OPERATIONS.get(target.operation)
        # The name of what is created stands in the body; all others are refused before anybody's body is parsed.
        creates = target.operation.startswith("Create") and serve is not None
        body = parse_body(signed.body) if creates else {}
        target = target.created(body)
        region, account_id = self._fc.settings.region, self._fc.settings.account_id
        self._gate.require(caller, f"fc:{target.operation}", f"acs:fc:{region}:{account_id}:{target.resource}")
        if serve is None:
            raise FcError("NotImplemented", f"not implemented: {target.operation}; {REFUSED[target.operation]}")
        if not creates and target.operation != "InvokeFunction":
            body = parse_body(signed.body)

        def permit_code(bucket: str, key: str) -> None:
            # Whoever runs code can read it. That Function Compute asks for this right as ROS does is assumed.
            if bucket == self._fc.uploads.bucket:  # its own, whose keys nobody guesses
                return
            self._gate.require(caller, "oss:GetObject", f"acs:oss:oss-{region}:{account_id}:{bucket}/{key}")

        def permit(action: str, resource: str) -> None:
            # An action begins with its service, as ARNs name it.
            self._gate.require(caller, action, f"acs:{action.partition(':')[0]}:{region}:{account_id}:{resource}")

        call = Call(
            target=target,
            request_id=request[ID],
            query=signed.query_parameters,
            headers=signed.headers,
            payload=signed.body,
            body=body,
            endpoint=f"{request.scheme}://{request.host}" if is_loopback(request[HOST]) else "",
            package_address=partial(self._links.address, f"{request.scheme}://{request.host}"),
            permit=permit,
            permit_code=permit_code,
        )
        # Whoever gives a function a role can do with it what the role may, so that takes a right of its own.
        for role in filter(None, (body.get("role"), body.get("invocationRole"))):
            self._gate.require(caller, "ram:PassRole", str(role), {"acs:Service": "fc.aliyuncs.com"})
        return await serve(self._fc, call)

    def _identify(self, signed: SignedRequest) -> Identity:
        if signed.headers.get("authorization", "").startswith(signing.SCHEME):
            return signing.authenticate(signed, credentials=self._credentials, now=self._clock())
        if not signed.has_acs3:  # an RPC signature would cover neither the path nor the body
            raise FcError("MissingRequiredHeader", "the header Authorization is missing: sign the request")
        return self._authenticator.authenticate(signed)


def _refuse(denial: Denial) -> FcError:
    # The first words are the platform's, which clients look for (a test of aliyun/fc-java-sdk).
    what = f"the caller is not authorized to perform '{denial.action}' on resource '{denial.resource}'"
    return FcError("AccessDenied", f"{what}: no policy of {denial.caller.principal} allows it")


class _Fc:
    """The dialect of Function Compute: headers as Go writes them, and JSON without spaces, which clients in PHP look at."""

    request_id_header = "X-Fc-Request-Id"

    def new_request_id(self) -> str:
        return new_request_id()

    def fault(self, status: int, message: str) -> ApiError:
        codes = {413: "EntityTooLarge", 500: "InternalServerError", 503: "ServiceUnavailable"}
        code = codes.get(status, "InvalidArgument")
        return FcError(code, message, STATUS["EntityTooLarge"] if status == 413 else status)

    def render(self, request: web.Request, error: ApiError) -> web.Response:
        # The first two names are those of version 2016-08-15, the others those of the later ones.
        body = {
            "ErrorCode": error.code,
            "ErrorMessage": error.message,
            "Code": error.code,
            "Message": error.message,
            "RequestId": request[ID],
        }
        return web.json_response(body, status=error.status, dumps=partial(json.dumps, separators=(",", ":")))


def create_app(
    fc: FcService,
    *,
    authenticator: Authenticator,
    credentials: CredentialStore,
    authorizer: Authorizer,
    admin_token: str,
    clock: Callable[[], float],
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves Function Compute.

    Args:
        fc: the domain.
        authenticator: verifies signatures that all services share.
        credentials: finds keys for the signature of version 2016-08-15.
        authorizer: decides about policies.
        admin_token: of the administrator of the embedded cloud.
        clock: seconds since the epoch.
        serves: says whether a host name is Function Compute's.
    """
    links = PackageLinks(fc, secret=admin_token, clock=clock)
    api = Api(fc, authenticator=authenticator, credentials=credentials, authorizer=authorizer, links=links, clock=clock)

    async def list_instances(request: web.Request) -> web.Response:
        return await instances.list_instances(fc, request, admin_token)

    application = open_door(_Fc(), serves=serves, max_body=MAX_BODY)
    application.router.add_get(INSTANCES, list_instances)
    application.router.add_get(PackageLinks.path, links.send)
    application.router.add_route("*", EVERYTHING, api.serve)
    return application
