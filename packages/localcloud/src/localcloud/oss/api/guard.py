"""Authentication and authorization of requests: by their signatures, by policies, and by ACLs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from localcloud.kernel.access import Caller, Denial, Gate
from localcloud.kernel.door import HEADERS
from localcloud.kernel.identity import Credential, CredentialStore, Identity
from localcloud.kernel.times import to_seconds
from localcloud.kernel.values import same_secret
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.operations.buckets import not_owned, taken
from localcloud.oss.rates import Rates
from localcloud.oss.settings import accesspoints
from localcloud.oss.settings.policy import PARAMETER as POLICY
from localcloud.oss.settings.policy import decide
from localcloud.oss.settings.referer import admits
from localcloud.oss.settings.table import requester_pays
from localcloud.oss.signing.claim import Claim, SignedRequest
from localcloud.oss.signing.reading import named_region, read_claim
from localcloud.ram.policy import Effect, Request

READS = frozenset({"oss:GetObject", "oss:GetObjectVersion"})  # actions that a public ACL allows everybody
WRITES = frozenset({"oss:PutObject", "oss:DeleteObject"})  # further ones of public-read-write
CREATES = "oss:PutBucket"
PAYER = "x-oss-request-payer"  # the header, or parameter
CONDITIONS = {"oss:Prefix": "prefix", "oss:Delimiter": "delimiter"}  # condition key -> query parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """The guard of the API: authenticates requests, and authorizes them.

    Attributes:
        credentials: whose keys sign.
        gate: asks what callers may, by policies.
        home: the region of requests that name none.
        regions: all of them.
        clock: the embedded cloud's; seconds since the epoch.
        machine_clock: by which clients sign, likewise.
        find_bucket: returns a bucket without waiting, or None.
        rates: of requests to buckets that limit theirs.
    """

    credentials: CredentialStore
    gate: Gate
    home: str
    regions: frozenset[str]
    clock: Callable[[], float]
    machine_clock: Callable[[], float]
    find_bucket: Callable[[str], Bucket | None]
    rates: Rates = field(default_factory=Rates)

    def region_of(self, request: web.Request, target: ResourceUrl, bucket: Bucket | None) -> str:
        """Return the region in which a request is answered.

        It is the endpoint's; where that is of none, the bucket's; where there is none, the one that the signature names.

        Args:
            request: the request.
            target: what it names.
            bucket: the bucket; None: there is none, or one is to be made.
        """
        if target.region:
            return target.region
        if bucket is not None:
            return bucket.region
        named = named_region(target.query, request[HEADERS])
        return named if named in self.regions else self.home

    def identify(self, request: web.Request, target: ResourceUrl, region: str) -> Credential | None:
        """Return the access key that signed a request; None: nobody signed it.

        Args:
            request: the request.
            target: what it names.
            region: where it is answered.

        Raises:
            OssError: the key is unknown, the signature wrong, the token missing, wrong or expired.
        """
        signed = SignedRequest(
            method=request.method,
            bucket=target.bucket,
            key=target.key,
            query=target.query,
            headers=request[HEADERS],
            path=request.raw_path.partition("?")[0],
        )
        claim = read_claim(signed, region=region, now=self.machine_clock())
        return None if claim is None else self.prove(claim)

    def prove(self, claim: Claim) -> Credential:
        """Return the access key that a claim names and proves to have.

        Raises:
            OssError: the key is unknown, the signature wrong, the token missing, wrong or expired.
        """
        credential = self.credentials.find(claim.access_key_id)
        if credential is None or (claim.security_token and credential.security_token is None):  # no session's key
            raise OssError(
                "InvalidAccessKeyId",
                "The OSS Access Key Id you provided does not exist in our records.",
                {"OSSAccessKeyId": claim.access_key_id},
            )
        claim.verify(credential.access_key_secret)
        if not same_secret(credential.security_token or "", claim.security_token or ""):
            raise OssError("InvalidSecurityToken", "The security token you provided is invalid.")
        if credential.expires_at is not None and self.machine_clock() >= credential.expires_at:
            raise OssError("SecurityTokenExpired", "The security token you provided has expired.")
        return credential

    def check_referer(self, request: web.Request, target: ResourceUrl) -> None:
        """Refuse a request without an Authorization header from a page that the bucket does not admit.

        Raises:
            OssError: AccessDenied.
        """
        bucket = self.find_bucket(target.bucket)
        if bucket and "Authorization" not in request.headers and not admits(bucket, request.headers.get("Referer", "")):
            raise OssError("AccessDenied", "You are denied by bucket referer policy.", {"BucketName": bucket.name})

    def require(
        self,
        caller: Caller | None,
        action: str,
        target: ResourceUrl,
        *,
        region: str,
        acl: str,
        conditions: Callable[[], Mapping[str, str]],
        headers: Mapping[str, str],
    ) -> None:
        """Refuse what the bucket's policy or the caller's deny; and what neither of them, nor the ACL allow.

        What a caller's own policies allow counts for the buckets of its account alone; those of another one take their policy or
        ACL.

        Source: OSS, "Authentication" (the steps of a request that is signed, and of one that is not).

        Args:
            caller: who asks; None: anybody.
            action: the RAM action, `oss:GetObject`.
            target: the bucket or object.
            region: where the request is answered.
            acl: the effective ACL of the bucket or object, which decides where no policy does.
            conditions: returns condition keys of the request and their values.
            headers: of the request.

        Raises:
            OssError: AccessDenied, naming the action and the resource; BucketAlreadyExists (PutBucketAcl of another account).
        """
        bucket = self.find_bucket(target.bucket)
        identity = caller.identity if caller else None
        sender = identity.account_id if identity else ""
        if bucket and bucket.owner != sender and action == CREATES:
            bucket = None  # the operation says that the name is taken
        owner = bucket.owner if bucket else sender
        path = f"{target.bucket}/{target.key}" if target.key else target.bucket or "*"
        resource = f"acs:oss:oss-{bucket.region if bucket else region}:{owner}:{path}"
        query = target.query
        more = {name: query[parameter] for name, parameter in CONDITIONS.items() if parameter in query} if query else {}
        if bucket and sender != owner:
            _check_payer(bucket, identity, headers, query)
        if target.point:
            more |= self._pass_point(caller, action, target, {**conditions(), **more})
        effect = None
        if bucket and POLICY in bucket.settings:
            known = {"acs:CurrentTime": to_seconds(self.clock()), **conditions(), **more}
            effect = decide(bucket, identity, Request(action=action, resource=resource, conditions=known))
        if effect is Effect.DENY:
            raise OssError(
                "AccessDenied", f"You have no right to access this object: the bucket's policy denies {action}."
            )
        if not identity or sender != owner or not identity.is_account:
            if caller is not None:
                self.gate.check(caller, action, resource, more)
            if effect is Effect.ALLOW or _is_public(action, acl):
                return
        if caller is None or (sender != owner and target.key):
            words = "You have no right to access this object because of bucket acl."
            raise OssError("AccessDenied", words, ec=_FINER.get(action))
        if sender != owner:  # PutBucketAcl makes buckets, too: "EC error codes", 0015-00000104
            raise taken(target.bucket) if action == "oss:PutBucketAcl" else not_owned(target.bucket)
        self.gate.require(caller, action, resource, more)

    def _pass_point(
        self, caller: Caller | None, action: str, target: ResourceUrl, conditions: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Refuse what the access point of a request does not admit, and return the condition keys that tell of it.

        Raises:
            OssError: AccessDenied, NoSuchAccessPoint (it was deleted meanwhile).
        """
        bucket = self.find_bucket(target.bucket)
        if bucket is None:
            return {}  # deleted meanwhile, as the operation will say
        point = accesspoints.find_point(bucket, target.point)
        arn = point.arn(bucket.region, bucket.owner)
        told = accesspoints.conditions_of(point, arn, bucket.owner)
        request = Request(
            action=action,
            resource=f"{arn}/object/{target.key}" if target.key else arn,
            conditions={"acs:CurrentTime": to_seconds(self.clock()), **conditions, **told},
        )
        if not accesspoints.admits(bucket, point, caller.identity if caller else None, request):
            raise OssError(
                "AccessDenied",
                f"You have no right to access this object: the access point {point.name} does not allow {action}.",
                {"AccessPointName": point.name},
            )
        return told


def caller_of(request: web.Request, credential: Credential | None) -> Caller | None:
    """Return who sent a request, by the access key that signed it; None: anybody."""
    if credential is None:
        return None
    return Caller.of_request(credential.identity, source_ip=request.remote, secure=request.secure)


_FINER = {  # codes of what nothing allows, by action; others have the general one
    "oss:GetObjectAcl": "0003-00000007",
    "oss:PutObjectAcl": "0003-00000008",
    "oss:PutObjectTagging": "0003-00000905",
}


def refuse(denial: Denial) -> OssError:
    """Return OSS's error of a denial.

    Sources: OSS, "EC error codes", 0003-00000201, 0003-00000202, 0003-00000007, 0003-00000008, 0003-00000905.
    """
    principal = denial.caller.principal
    kind, name = _principal(denial.caller.identity)
    why = f"a policy of {principal} denies" if denial.is_explicit else f"no policy of {principal} allows"
    return OssError(
        "AccessDenied",
        f"You have no right to access this object: {why} {denial.action} on {denial.resource}.",
        {
            "AccessDeniedDetail": {
                "PolicyType": "AccountLevelIdentityBasedPolicy",
                "AuthPrincipalOwnerId": denial.caller.identity.account_id,
                "AuthPrincipalType": kind,
                "AuthPrincipalDisplayName": name,
                "NoPermissionType": "ExplicitDeny" if denial.is_explicit else "ImplicitDeny",
                "AuthAction": denial.action,
            }
        },
        ec="0003-00000201"
        if denial.is_explicit
        else "0003-00000202"
        if denial.action == CREATES
        else _FINER.get(denial.action),
    )


def _principal(identity: Identity) -> tuple[str, str]:
    """Return the kind and the name by which errors call a caller; those of sessions and accounts are assumed."""
    if identity.user_arn:
        return "SubUser", identity.user_id or ""
    if identity.role_arn:
        return "AssumedRoleUser", f"{identity.role_arn.partition('role/')[2]}:{identity.session_name}"
    return "Account", identity.account_id


def _is_public(action: str, acl: str) -> bool:
    """Return True if an ACL allows everybody an action."""
    return (acl != "private" and action in READS) or (acl == "public-read-write" and action in WRITES)


def _check_payer(
    bucket: Bucket, identity: Identity | None, headers: Mapping[str, str], query: Mapping[str, str]
) -> None:
    """Refuse who is not of the owner's account, and does not say that it pays where the owner does not.

    Sources: OSS, PutBucketRequestPayment; "EC error codes", 0003-00000701 to -703.

    Raises:
        OssError: AccessDenied.
    """
    if not requester_pays(bucket):
        return
    named = {"BucketName": bucket.name}
    if identity is None:
        words = "Anonymous access is forbidden for a bucket in pay-by-requester mode."
        raise OssError("AccessDenied", words, named, ec="0003-00000701")
    if "requester" not in (headers.get(PAYER), query.get(PAYER)):
        words = f"Access denied for requester pay bucket: say {PAYER}: requester."
        signed_by_header = "authorization" in headers
        raise OssError("AccessDenied", words, named, ec=f"0003-0000070{3 if signed_by_header else 2}")
