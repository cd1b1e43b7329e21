"""The application that serves OSS: the way of a request from the door to its operation, and of the answer back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from aiohttp import web

from localcloud.kernel.access import Gate
from localcloud.kernel.clock import Clock
from localcloud.kernel.door import ADMINISTRATION, HEADERS, HOST, check_expectation, meet_expectation, open_door
from localcloud.kernel.identity import Authorizer, CredentialStore
from localcloud.kernel.regions import REGIONS
from localcloud.kernel.service import Reset
from localcloud.oss.api import (
    accesspoints,
    cors,
    s3,
)
from localcloud.oss.api.accesslog import BEGAN, SIGNER, log_request
from localcloud.oss.api.administration import administer
from localcloud.oss.api.call import COPY_SOURCE, Call
from localcloud.oss.api.content import content_of
from localcloud.oss.api.dialect import OssDialect
from localcloud.oss.api.guard import Guard, caller_of, refuse
from localcloud.oss.api.routes import find_operation, makes_bucket
from localcloud.oss.api.url import URL, ResourceUrl, is_accelerated, read_url
from localcloud.oss.digests import read_digests
from localcloud.oss.errors import OssError
from localcloud.oss.link import Link
from localcloud.oss.model import Bucket
from localcloud.oss.operations.buckets import check_endpoint
from localcloud.oss.operations.service import OssService
from localcloud.oss.s3.documents import error_to_s3
from localcloud.oss.settings import quality
from localcloud.oss.settings.table import TRANSFER_ACCELERATION, find_text
from localcloud.oss.throttle import THROTTLE, read_throttle

# Settings whose document, for a bucket that is not there, OSS takes for PutBucket's: the suites of its second SDK for Go.
_NEWER = frozenset({"overwriteConfig", "objectWorm"})


def create_app(
    oss: OssService,
    *,
    credentials: CredentialStore,
    authorizer: Authorizer,
    admin_token: str,
    region: str,
    link: Link,
    clock: Clock,
    machine_clock: Callable[[], float],
    reset: Reset,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves OSS.

    Args:
        oss: the domain.
        credentials: whose keys sign.
        authorizer: what they may do.
        admin_token: the bearer token of the administration's endpoints.
        region: the home region.
        link: the link's speed and faults.
        clock: the embedded cloud's.
        machine_clock: by which clients sign; seconds since the epoch.
        reset: has the embedded cloud emptied.
        serves: says whether a host name is OSS's.
    """
    guard = Guard(
        credentials=credentials,
        gate=Gate(authorizer, refuse),
        home=region,
        regions=frozenset({*REGIONS, region}),
        clock=clock,
        machine_clock=machine_clock,
        find_bucket=oss.find_bucket,
    )

    async def serve(request: web.Request) -> web.StreamResponse:
        check_expectation(request)
        request[THROTTLE], request[BEGAN] = None, time.monotonic()
        target = request[URL] = s3.note_protocol(request, read_url(request[HOST], request.raw_path))
        if f"/{target.bucket}/{target.key}".startswith(ADMINISTRATION):
            await meet_expectation(request)
            return await administer(request, oss, link, clock, reset, admin_token)
        try:
            answer = await _answer(request, target, oss, guard, link)
        except OssError as error:
            told = error_to_s3(error) if request[s3.SPOKEN] else error
            log_request(request, told, oss, guard)
            if told is error:
                raise
            raise told from error
        if request[s3.SPOKEN]:
            s3.translate_answer(answer)
        log_request(request, answer, oss, guard)
        return answer

    def decorate(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = "AliyunOSS"
        if URL in request:  # else it was refused at the door
            took = int((time.monotonic() - request[BEGAN]) * 1000)
            response.headers["x-oss-server-time"] = str(took)  # milliseconds
            target = request[URL]
            if throttle := request[THROTTLE]:
                seconds = (
                    throttle.delay_of(response.content_length or 0) if request.method == "GET" else throttle.delayed
                )
                response.headers["x-oss-qos-delay-time"] = str(int(seconds * 1000))
            cors.allow_page(request, response, oss.find_bucket(target.bucket))
            if request[s3.SPOKEN]:
                s3.translate_headers(response)

    return open_door(OssDialect(), serves=serves, max_body=0, decorate=decorate, handler=serve)


async def _answer(
    request: web.Request, target: ResourceUrl, oss: OssService, guard: Guard, link: Link
) -> web.StreamResponse:
    """Answer a request of OSS's API: its bucket there, authenticated, found, whole, authorized, handled."""
    named, target = target, accesspoints.enter(target, oss)
    request[URL] = target
    bucket = _find_bucket(request.method, target, oss)
    if bucket and target.region:
        check_endpoint(bucket, target.region)
    if bucket and quality.SETTING.parameter in bucket.settings and quality.SETTING.parameter not in target.query:
        guard.rates.count(bucket, internal="-internal." in request[HOST])
    if is_accelerated(request[HOST]):
        _check_acceleration(bucket, guard.home)
    region = guard.region_of(request, target, bucket)
    preflight = request.method == "OPTIONS"  # which is anybody's
    credential = None if preflight else guard.identify(request, named, region)
    if credential is not None:
        request[SIGNER] = credential
    guard.check_referer(request, target)
    request[THROTTLE] = read_throttle(request[HEADERS], target.query)
    content = content_of(request)
    if request[s3.SPOKEN] and credential is not None:
        content = s3.content_of_s3(request, credential.access_key_secret)
        request, target = s3.translate(request, target)
    operation = find_operation(request.method, target, copy=COPY_SOURCE in request.headers)
    digests = read_digests(request.headers)
    reads = request.method in {
        "GET",
        "HEAD",
    }  # SDKs sign the MD5 and the length of the object with them, and send no body
    if reads:
        digests = replace(digests, md5=None)
    body = b""
    if not operation.streams:
        body = await content.whole() if request.can_read_body and not reads else b""
        digests.check_content(body)
        if request[s3.SPOKEN]:
            body = s3.translate_body(body, target)
    call = Call(
        request=request,
        target=target,
        region=region,
        caller=caller_of(request, credential),
        oss=oss,
        guard=guard,
        link=link,
        digests=digests,
        content=content,
        body=body,
    )
    await operation.authorize(call)
    return await operation.handler(call)


def _find_bucket(method: str, target: ResourceUrl, oss: OssService) -> Bucket | None:
    """Return the bucket of a request, before anything looks at the key; None: it names none, or makes one.

    Raises:
        OssError: NoSuchBucket; MalformedXML (the document of a newer setting is not PutBucket's).
    """
    if not target.bucket:
        return None
    if makes_bucket(method, target):
        return oss.find_bucket(target.bucket) if "acl" in target.query else None
    if method == "PUT" and _NEWER & target.query.keys() and oss.find_bucket(target.bucket) is None:
        raise OssError(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema.",
            ec="0015-00000231",
        )
    return oss.get_bucket(target.bucket)


def _check_acceleration(bucket: Bucket | None, home: str) -> None:
    """Refuse a request at the accelerated endpoint for what is not a bucket with transfer acceleration.

    That it is refused as one at a wrong endpoint is assumed.

    Raises:
        OssError: AccessDenied.
    """
    if bucket is None or find_text(bucket, TRANSFER_ACCELERATION, "Enabled") != "true":
        raise OssError(
            "AccessDenied",
            "The bucket you are attempting to access must be addressed using the specified endpoint. "
            "Please send all future requests to this endpoint.",
            {"Endpoint": f"oss-{bucket.region if bucket else home}.aliyuncs.com"},
            ec="0003-00001403",
        )
