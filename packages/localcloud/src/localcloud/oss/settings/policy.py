"""Policy of a bucket: what it allows or denies other principals than the account that owns it, and everybody.

Of that account itself only a statement speaks that is of everybody and has a condition. The language is RAM's, with Principal.

Sources: OSS, PutBucketPolicy, "Bucket policies" (of the owner), "Block public access" (which are public), "EC error codes",
0030-00000008.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from localcloud.kernel.identity import Identity
from localcloud.kernel.values import read_json
from localcloud.kernel.wildcard import wildcard_matches
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.table import blocks_public_access
from localcloud.ram.policy import Effect, MalformedPolicyError, Request, Statement, parse_policy

PARAMETER = "policy"
MAX_DOCUMENT = 16 * 1024  # bytes
# Condition keys that tell where a request comes from: a statement that asks one of them for fixed values is not public; nor is one
# that asks acs:SourceIp for networks with that many fixed bits, by the protocol's version.
_SOURCES = frozenset({"acs:sourcevpc", "acs:sourcevpcid", "acs:sourcevpcip", "acs:accessid"})
_FIXED_BITS = {4: 8, 6: 32}


@dataclass(frozen=True, kw_only=True, slots=True)
class BucketStatement:
    """A statement, and whom it speaks of."""

    statement: Statement
    principals: frozenset[str]  # *, ids of accounts, ARNs without acs:
    negated: bool  # it speaks of everybody else

    def speaks_of(self, identity: Identity | None, owner: str) -> bool:
        """Return True if the statement speaks of a caller (None: anybody); `owner` is the account that the bucket belongs to."""
        if identity is not None and identity.is_account and identity.account_id == owner:
            return "*" in self.principals and not self.negated and bool(self.statement.conditions)
        names = names_of(identity)
        found = (
            any(wildcard_matches(pattern, name) for pattern in self.principals for name in names)
            or "*" in self.principals
        )
        return found != self.negated

    @property
    def is_public(self) -> bool:
        """Whether the statement allows something to more than those that it names, from more than fixed places."""
        named = not self.negated and not any("*" in name for name in self.principals)  # of NotPrincipal: assumed
        fixed = any(_fixes(each.operator, each.key.lower(), each.values) for each in self.statement.conditions)
        return self.statement.effect is Effect.ALLOW and not named and not fixed


def _fixes(operator: str, key: str, values: Sequence[str]) -> bool:
    """Return True if a condition has a request come from fixed places."""
    if operator == "IpAddress" and key == "acs:sourceip":
        networks = [ipaddress.ip_network(value, strict=False) for value in values]
        return all(network.prefixlen >= _FIXED_BITS[network.version] for network in networks)
    is_positive = operator in {"StringEquals", "StringEqualsIgnoreCase", "StringLike"}
    return is_positive and key in _SOURCES and not any("*" in value for value in values)


def read_policy(body: bytes) -> str:
    """Return the policy that a request puts, a JSON document, as it is kept.

    Raises:
        OssError: InvalidPolicyDocument.
    """
    if len(body) > MAX_DOCUMENT:
        raise OssError("InvalidPolicyDocument", f"The policy has {len(body)} bytes; up to {MAX_DOCUMENT} are allowed.")
    try:
        text = body.decode()
        parse_bucket_policy(text)
    except (ValueError, MalformedPolicyError) as error:
        raise OssError("InvalidPolicyDocument", f"The policy is not valid: {error}.") from error
    return text


def change_policy(body: bytes) -> Callable[[Bucket], str]:
    """Return the change that keeps the policy that a request puts in a bucket, and refuses a public one that the bucket blocks.

    Raises:
        OssError: InvalidPolicyDocument.
    """
    document = read_policy(body)
    for each in parse_bucket_policy(document):
        keys = {condition.key.lower() for condition in each.statement.conditions}
        if "acs:sourceip" in keys and "acs:sourcevpc" not in keys:
            raise OssError(
                "InvalidPolicyDocument",
                "A statement with a condition on acs:SourceIp needs one on acs:SourceVpc, too: StringNotLike vpc-* for addresses "
                "of the internet.",
                ec="0030-00000008",
            )

    def change(bucket: Bucket) -> str:
        check_public(document, blocked=blocks_public_access(bucket))
        return document

    return change


def check_public(document: str, *, blocked: bool) -> None:
    """Refuse a policy that allows something to everybody where public access is blocked.

    Raises:
        OssError: AccessDenied (the words are assumed, after those for ACLs).
    """
    if blocked and is_public(document):
        raise OssError("AccessDenied", "Put public bucket policy is not allowed: public access is blocked.")


@lru_cache(maxsize=256)
def parse_bucket_policy(document: str) -> tuple[BucketStatement, ...]:
    """Parse the policy of a bucket.

    Raises:
        MalformedPolicyError: it is not one.
    """
    try:
        policy = read_json(document)
    except ValueError as error:
        raise MalformedPolicyError(f"the document is not JSON: {error}") from error
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    given = [statements] if isinstance(statements, dict) else statements
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise MalformedPolicyError("the document must be an object with Version and a list Statement")
    principals = [_principals(statement, f"Statement[{number}]") for number, statement in enumerate(given)]
    parsed = parse_policy(json.dumps({**policy, "Statement": given}))
    return tuple(
        BucketStatement(statement=statement, principals=names, negated=negated)
        for statement, (names, negated) in zip(parsed, principals, strict=True)
    )


def decide(bucket: Bucket, identity: Identity | None, request: Request) -> Effect | None:
    """Return the effect that a bucket's policy has on a request; None: it says nothing of it.

    What the policies of who asks deny, is not looked at here.

    Args:
        bucket: the bucket.
        identity: who asks; None: anybody.
        request: the request.
    """
    document = bucket.settings.get(PARAMETER)
    if document is None:
        return None
    return evaluate(document, identity, request, owner=bucket.owner, blocked=blocks_public_access(bucket))


def evaluate(document: str, identity: Identity | None, request: Request, *, owner: str, blocked: bool) -> Effect | None:
    """Return the effect that a policy with principals has on a request; None: it says nothing of it.

    Args:
        document: the policy.
        identity: who asks; None: anybody.
        request: the request.
        owner: the account that the bucket belongs to.
        blocked: public access is blocked, so that what is public in it does not count.
    """
    effects = {
        each.statement.effect
        for each in parse_bucket_policy(document)
        if each.speaks_of(identity, owner) and not (blocked and each.is_public) and each.statement.matches(request)
    }
    return Effect.DENY if Effect.DENY in effects else Effect.ALLOW if effects else None


def is_public(document: str) -> bool:
    """Return True if a policy allows something to everybody."""
    return any(each.is_public for each in parse_bucket_policy(document))


def _principals(statement: dict[str, object], path: str) -> tuple[frozenset[str], bool]:
    """Take the principals out of a statement, and return them, and whether it speaks of everybody else."""
    given = {name: statement.pop(name) for name in ("Principal", "NotPrincipal") if name in statement}
    if len(given) > 1:
        raise MalformedPolicyError(f"{path} must have either Principal or NotPrincipal")
    for name, value in given.items():
        names = value if isinstance(value, list) else [value]
        if not names or not all(isinstance(one, str) and one for one in names):
            raise MalformedPolicyError(f"{path}.{name} must be a text or a list of at least one text")
        return frozenset(names), name == "NotPrincipal"
    return frozenset({"*"}), False  # assumed: GetBucketPolicyStatus calls such a policy public


def names_of(identity: Identity | None) -> tuple[str, ...]:
    """Return the names that a policy may call a caller by: the id of an account or user, or a role's session and its role."""
    if identity is None:
        return ()
    if identity.role_arn is None:
        return (identity.user_id or identity.account_id,)
    role = identity.role_arn.partition("role/")[2]
    return (f"arn:sts::{identity.account_id}:assumed-role/{role}/{identity.session_name}", identity.role_arn)
