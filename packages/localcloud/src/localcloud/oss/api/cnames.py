"""Domain names of a bucket: tokens that prove who owns one. None is ever bound.

A binding needs a record in the public DNS, which the embedded cloud does not ask: PutCname answers as OSS does while the record is
missing, and ListCname is truthfully empty.

Source: OSS, CreateCnameToken, GetCnameToken, PutCname, ListCname, DeleteCname.
"""

from __future__ import annotations

import re
import uuid

from aiohttp import web

from localcloud.kernel.times import from_seconds, to_milliseconds
from localcloud.kernel.xml import render
from localcloud.oss.api.answers import document_response, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import invalid
from localcloud.oss.settings.setting import kept_tree
from localcloud.oss.xml import parse, text_of

LASTS = 72 * 3600.0  # seconds that a token is valid
MAX_TOKENS = 10  # of a bucket; assumed
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")


async def change_cname(call: Call) -> web.StreamResponse:
    """CreateCnameToken, PutCname and DeleteCname: the parameter `comp` says which."""
    component = call.query.get("comp", "")
    if component not in {"token", "add", "delete"}:
        raise OssError("NotImplemented", f"not implemented: POST bucket with ?cname&comp={component[:40]}")
    call.require({"token": "CreateCnameToken", "add": "PutCname", "delete": "DeleteCname"}[component])
    domain = _check(text_of(parse(call.body, "BucketCnameConfiguration"), "Cname/Domain"))
    if component == "token":
        return await _create_token(call, domain)
    if component == "delete":
        return web.Response()
    raise OssError(
        "NeedVerifyDomainOwnership", f"The ownership of {domain} is not proved: no DNS record carries its token."
    )


async def get_cnames(call: Call) -> web.StreamResponse:
    """ListCname."""
    bucket = call.holder
    return xml_response("ListCnameResult", {"Bucket": bucket.name, "Owner": bucket.owner})


async def get_cname_token(call: Call) -> web.StreamResponse:
    """GetCnameToken."""
    if call.query["comp"] != "token":
        raise OssError("NotImplemented", f"not implemented: GET bucket with ?comp={call.query['comp'][:40]}")
    domain = _check(call.query.get("cname", ""))
    document = call.holder.settings.get(_key(domain))
    if document is None or _has_expired(document, call.guard.clock()):
        raise OssError("CnameTokenNotFound", f"There is no token for {domain}.")
    return document_response(document)


async def _create_token(call: Call, domain: str) -> web.StreamResponse:
    now, made = call.guard.clock(), [""]

    def change(bucket: Bucket) -> str:
        tokens = [
            key
            for key, document in bucket.settings.items()
            if key.startswith(_key("")) and not _has_expired(document, now)
        ]
        if len(tokens) >= MAX_TOKENS and _key(domain) not in tokens:
            raise OssError("TooManyCnameToken", f"A bucket has up to {MAX_TOKENS} tokens of domain names.")
        token = {
            "Bucket": bucket.name,
            "Cname": domain,
            "Token": uuid.uuid4().hex,
            "ExpireTime": to_milliseconds(now + LASTS),
        }
        made[0] = render("CnameToken", token).decode()
        return made[0]

    await call.run(call.buckets.change_setting, call.bucket, _key(domain), change)
    return document_response(made[0])


def _check(domain: str) -> str:
    if not _DOMAIN.fullmatch(domain):
        raise invalid("Domain", domain, f"The domain name {domain[:100]!r} is not valid.")
    return domain.lower()


def _key(domain: str) -> str:
    return f"cname/{domain}"


def _has_expired(document: str, now: float) -> bool:
    expires = kept_tree(document, "CnameToken").findtext("ExpireTime") or ""
    return now >= from_seconds(expires)
