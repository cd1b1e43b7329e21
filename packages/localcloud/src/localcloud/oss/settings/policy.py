"""Policy of a bucket: what it allows or denies other principals than the account that owns it, and everybody.

That account itself may do everything, whatever its bucket's policy says (assumed): nobody locks themselves out.

Source: OSS, PutBucketPolicy; the language is RAM's, with Principal beside it.
"""

from __future__ import annotations

import json
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


@dataclass(frozen=True, kw_only=True, slots=True)
class BucketStatement:
    """A statement, and whom it speaks of."""

    statement: Statement
    principals: frozenset[str]  # *, ids of accounts, ARNs without acs:
    negated: bool  # it speaks of everybody else

    def speaks_of(self, identity: Identity | None) -> bool:
        """Return True if the statement speaks of a caller; None: anybody."""
        names = names_of(identity)
        found = (
            any(wildcard_matches(pattern, name) for pattern in self.principals for name in names)
            or "*" in self.principals
        )
        return found != self.negated


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


def decide(bucket: Bucket | None, identity: Identity | None, request: Request) -> Effect | None:
    """Return the effect that a bucket's policy has on a request; None: it says nothing of it.

    A bucket that blocks public access allows nobody unknown. What the policies of who asks deny, is not looked at here.

    Args:
        bucket: the bucket; None: there is none.
        identity: who asks; None: anybody.
        request: the request.
    """
    document = bucket.settings.get(PARAMETER) if bucket else None
    effect = None if document is None else evaluate(document, identity, request)
    is_blocked = identity is None and bucket is not None and blocks_public_access(bucket)
    return None if effect is Effect.ALLOW and is_blocked else effect


def evaluate(document: str, identity: Identity | None, request: Request) -> Effect | None:
    """Return the effect that a policy with principals has on a request of someone (None: anybody); None: it says nothing of it."""
    effects = {
        each.statement.effect
        for each in parse_bucket_policy(document)
        if each.speaks_of(identity) and each.statement.matches(request)
    }
    return Effect.DENY if Effect.DENY in effects else Effect.ALLOW if effects else None


def is_public(bucket: Bucket) -> bool:
    """Return True if a bucket's policy allows everybody something without a condition."""
    document = bucket.settings.get(PARAMETER)
    return document is not None and any(
        each.statement.effect is Effect.ALLOW
        and "*" in each.principals
        and not each.negated
        and not each.statement.conditions
        for each in parse_bucket_policy(document)
    )


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
