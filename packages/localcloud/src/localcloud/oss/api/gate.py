"""One OSS request on the wire: which bucket and key it names, who it is from, and whether they may do it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from localcloud.kernel.door import headers_of
from localcloud.kernel.identity import Authorizer, CredentialStore, Identity
from localcloud.kernel.values import same_secret
from localcloud.oss.errors import OssError
from localcloud.oss.signing import SignedRequest, read_claim

# BUCKET.oss-REGION.aliyuncs.com, with or without -internal; also BUCKET.oss.localhost for clients that insist on it
_VIRTUAL_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9-]{1,61}[a-z0-9])\.)?oss(?:-[a-z0-9-]+)?\.(?:aliyuncs\.com|localhost)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a URL names."""

    bucket: str  # empty: the service
    key: str  # empty: the bucket
    query: Mapping[str, str]  # decoded


def read_target(host: str, raw_path: str) -> Target:
    """Read bucket, key and query of a request (virtual-host or path style).

    Args:
        host: the name in the Host header, as `door.HOST` says it.
        raw_path: path and query exactly as they came.

    Raises:
        OssError: InvalidArgument: a query parameter is given twice, so it is unclear which of its values is signed.
    """
    path, _, raw_query = raw_path.partition("?")
    query: dict[str, str] = {}
    for pair in raw_query.split("&"):
        if pair:
            name, _, value = (_decode(part.replace("+", " ")) for part in pair.partition("="))
            if name in query:
                raise OssError("InvalidArgument", f"Give the query parameter {name} once.", {"ArgumentName": name})
            query[name] = value
    decoded = _decode(path.removeprefix("/"))
    match = _VIRTUAL_HOST.fullmatch(host)
    if match and match["bucket"]:
        return Target(bucket=match["bucket"], key=decoded, query=query)
    bucket, _, key = decoded.partition("/")
    return Target(bucket=bucket, key=key, query=query)


def _decode(text: str) -> str:
    return unquote(text, errors="surrogateescape")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """Authenticates requests and asks whether they are allowed."""

    credentials: CredentialStore
    authorizer: Authorizer
    region: str
    account_id: str
    clock: Callable[[], float]

    def identify(self, request: web.Request, target: Target) -> Identity | None:
        """Return who signed a request; None: nobody.

        Raises:
            OssError: the key is unknown, the signature wrong, the token missing, wrong or expired.
        """
        signed = SignedRequest(
            method=request.method,
            bucket=target.bucket,
            key=target.key,
            query=target.query,
            headers=headers_of(request),
        )
        now = self.clock()
        claim = read_claim(signed, region=self.region, now=now)
        if claim is None:
            return None
        credential = self.credentials.find(claim.access_key_id)
        if credential is None:
            raise OssError(
                "InvalidAccessKeyId",
                "The OSS Access Key Id you provided does not exist in our records.",
                {"OSSAccessKeyId": claim.access_key_id},
            )
        claim.verify(credential.access_key_secret)
        if (claim.security_token or None) != credential.security_token and not (
            claim.security_token
            and credential.security_token
            and same_secret(credential.security_token, claim.security_token)
        ):
            raise OssError("InvalidSecurityToken", "The security token you provided is invalid.")
        if credential.expires_at is not None and now >= credential.expires_at:
            raise OssError("SecurityTokenExpired", "The security token you provided has expired.")
        return credential.identity

    def require(
        self, identity: Identity | None, action: str, target: Target, *, acl: str, request: web.Request
    ) -> None:
        """Refuse what neither the identity's policies nor the ACL allow.

        Args:
            identity: who asks; None: anybody.
            action: the RAM action, `oss:GetObject`.
            target: the bucket or object.
            acl: the effective ACL of the bucket or object, which decides for anonymous requests.
            request: the request, for condition keys.

        Raises:
            OssError: AccessDenied, naming the action and the resource.
        """
        if identity is None:
            readable = acl != "private" and action in {"oss:GetObject", "oss:GetObjectTagging"}
            writable = acl == "public-read-write" and action in {"oss:PutObject", "oss:DeleteObject"}
            if readable or writable:
                return
            raise OssError("AccessDenied", "You have no right to access this object because of bucket acl.")
        resource = f"acs:oss:oss-{self.region}:{self.account_id}:{target.bucket or '*'}" + (
            f"/{target.key}" if target.key else ""
        )
        conditions = {
            "acs:SecureTransport": "true" if request.secure else "false",
            "acs:SourceIp": request.remote or "",
        }
        for name, parameter in (("oss:Prefix", "prefix"), ("oss:Delimiter", "delimiter")):
            if parameter in target.query:
                conditions[name] = target.query[parameter]
        if not self.authorizer.is_allowed(identity, action=action, resource=resource, conditions=conditions):
            raise OssError(
                "AccessDenied",
                f"You have no right to access this object: no policy of {identity.role_arn or identity.account_id} allows "
                f"{action} on {resource}.",
                {
                    "AuthAction": action,
                    "AuthResource": resource,
                    "AuthPrincipalDisplayName": identity.role_arn or identity.account_id,
                    "NoPermissionType": "ImplicitDeny",
                },
            )
