"""Rules of replication: the objects of a bucket that are copied into another one, and what becomes of them there. Pure.

A rule starts, works, and is closing until it is gone; how long it starts and closes is assumed, but that it does so for some
seconds: the suites of OSS's SDKs. Filters by tags are refused. Codes that are not of these suites are assumed.

Sources: OSS, PutBucketReplication, DeleteBucketReplication, GetBucketReplicationProgress, PutBucketRTC; "Data replication in
specific scenarios"; "EC error codes", 0031-00000044, 0031-00000053, 0031-00000110.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import check_form, choice, group, invalid, text
from localcloud.oss.settings.versioning import Versioning, versioning_of
from localcloud.oss.xml import malformed, parse

PARAMETER = "replication"  # also the key among a bucket's settings
STARTING = 10.0  # seconds until a rule works
CLOSING = 10.0  # seconds until a rule that was deleted is gone
MOST_PREFIXES = 10
ACTIONS = frozenset({"ALL", "PUT", "DELETE", "ABORT"})
_SWITCH = choice("enabled", "disabled")
_RTC = group({"Status": _SWITCH})
_RULE = {
    "ID": text(),
    "RTC": _RTC,
    "PrefixSet": group({"Prefix": text(many=True)}),
    "Action": text(),
    "Destination": group(
        {
            "Bucket": text(required=True),
            "Location": text(required=True),
            "TransferType": choice("internal", "oss_acc"),
        },
        required=True,
    ),
    "Status": text(),  # which SDKs can say, without effect
    "HistoricalObjectReplication": _SWITCH,
    "SyncRole": text(),
    "EncryptionConfiguration": group({"ReplicaKmsKeyID": text()}),
    "SourceSelectionCriteria": group({"SseKmsEncryptedObjects": group({"Status": choice("Enabled", "Disabled")})}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule of replication."""

    rule_id: str
    bucket: str  # the name of the target
    region: str  # the target's
    transfer: str | None  # internal or oss_acc; None: nobody said
    prefixes: tuple[str, ...]  # of the keys; none: all keys
    actions: tuple[str, ...]  # of ACTIONS
    historical: bool  # whether it copies what was there before
    role: str | None  # the name of the one under which it acts; None: it acts as the owner of both buckets
    kms: bool | None  # whether it copies objects that KMS has enciphered; None: nobody said, and it does not
    kms_key: str | None  # of their copies
    rtc: bool  # replication time control
    created: float  # seconds since the epoch
    before: int = 0  # versions of objects that were there when it was made, and that it copies
    closed: float | None = None  # seconds since the epoch, when it was deleted

    def status(self, now: float) -> str:
        """Return its status: starting, doing or closing."""
        if self.closed is not None:
            return "closing"
        return "starting" if now < self.created + STARTING else "doing"

    def is_gone(self, now: float) -> bool:
        """Return True if it has been closing for long enough."""
        return self.closed is not None and now >= self.closed + CLOSING

    def wants(self, key: str) -> bool:
        """Return True if it copies what happens to a key."""
        return self.closed is None and (not self.prefixes or key.startswith(self.prefixes))

    @property
    def deletes(self) -> bool:
        """Return True if what is deleted for good is deleted in the target, too."""
        return bool({"ALL", "DELETE"} & {*self.actions})

    def describe(self, now: float) -> dict[str, object]:
        """Return it as answers have it."""
        kms = None if self.kms is None else "Enabled" if self.kms else "Disabled"
        return {
            "ID": self.rule_id,
            "PrefixSet": {"Prefix": list(self.prefixes)} if self.prefixes else None,
            "Action": ",".join(self.actions),
            "Destination": {
                "Bucket": self.bucket,
                "Location": f"oss-{self.region}",
                "TransferType": self.transfer,
            },
            "Status": self.status(now),
            "HistoricalObjectReplication": _switch(self.historical),
            "SyncRole": self.role,
            "EncryptionConfiguration": {"ReplicaKmsKeyID": self.kms_key} if self.kms_key else None,
            "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": kms}} if kms else None,
            "RTC": {"Status": _switch(self.rtc)},
        }


def _switch(on: bool) -> str:
    return "enabled" if on else "disabled"


def role_arn(owner: str, role: str) -> str:
    """Return the ARN of a role that a rule names, by its name or its ARN; `owner` is the account that the bucket belongs to.

    Raises:
        OssError: InvalidArgument (another account's).
    """
    beginning = f"acs:ram::{owner}:role/"
    name = role.removeprefix(beginning)
    if not name or ":" in name or "/" in name:
        raise invalid("SyncRole", role, "SyncRole names a role of the bucket's owner.")
    return beginning + name


def read_rule(body: bytes, now: float) -> Rule:
    """Return the rule that a request puts.

    What it says of KMS counts with a role only: the suite of OSS's SDK for Python.

    Raises:
        OssError: MalformedXML, InvalidArgument, TooManyReplicationRules.
    """
    document = parse(body, "ReplicationConfiguration")
    check_form(document, {"Rule": group(_RULE, required=True, many=True)})
    if len(document) > 1:
        raise OssError("TooManyReplicationRules", "A request puts one replication rule.")
    rule = document[0]
    actions = tuple(each.strip() for each in (rule.findtext("Action") or "ALL").split(","))
    if unknown := [each for each in actions if each not in ACTIONS]:
        raise invalid("Action", unknown[0], f"Action is ALL, or of {', '.join(sorted(ACTIONS - {'ALL'}))}.")
    prefixes = tuple(dict.fromkeys(each.text or "" for each in rule.iter("Prefix")))
    if len(prefixes) > MOST_PREFIXES:
        raise invalid("PrefixSet", str(len(prefixes)), f"A rule has up to {MOST_PREFIXES} prefixes.")
    role = rule.findtext("SyncRole") or None
    status = rule.findtext("SourceSelectionCriteria/SseKmsEncryptedObjects/Status") if role else None
    key = rule.findtext("EncryptionConfiguration/ReplicaKmsKeyID") or None
    return Rule(
        rule_id=rule.findtext("ID") or str(uuid.uuid4()),
        bucket=rule.findtext("Destination/Bucket") or "",
        region=(rule.findtext("Destination/Location") or "").removeprefix("oss-"),
        transfer=rule.findtext("Destination/TransferType"),
        prefixes=() if "" in prefixes else prefixes,
        actions=tuple(dict.fromkeys(actions)),
        historical=rule.findtext("HistoricalObjectReplication") != "disabled",
        role=role,
        kms=status == "Enabled" if status else None,
        kms_key=key if status == "Enabled" else None,
        rtc=rule.findtext("RTC/Status") == "enabled",
        created=now,
    )


def read_rtc(body: bytes) -> tuple[str, bool]:
    """Return the id of a rule, and whether its replication time is to be controlled.

    Raises:
        OssError: MalformedXML.
    """
    document = parse(body, "ReplicationRule")
    check_form(
        document,
        {
            "RTC": group({"Status": choice("enabled", "disabled", required=True)}, required=True),
            "ID": text(required=True),
        },
    )
    return document.findtext("ID") or "", document.findtext("RTC/Status") == "enabled"


def read_deletion(body: bytes) -> str:
    """Return the id of the rule that a request deletes.

    Raises:
        OssError: MalformedXML, TooManyReplicationRules.
    """
    document = parse(body, "ReplicationRules")
    check_form(document, {"ID": text(required=True, many=True)})
    if len(document) > 1:
        raise OssError("TooManyReplicationRules", "A request deletes one replication rule.")
    rule_id = document.findtext("ID")
    if not rule_id:
        raise malformed("ID is empty")
    return rule_id


def rules_of(bucket: Bucket) -> tuple[Rule, ...]:
    """Return the rules of a bucket, also those that are closing, in the order in which they were made."""
    kept = bucket.settings.get(PARAMETER)
    return () if kept is None else _read(kept)


@lru_cache(maxsize=64)  # each write into such a bucket asks for them
def _read(kept: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(**{**each, "prefixes": tuple(each["prefixes"]), "actions": tuple(each["actions"])})
        for each in json.loads(kept)
    )


def keep_rules(rules: Sequence[Rule]) -> str | None:
    """Return rules as a bucket's setting; None: there is none."""
    return json.dumps([asdict(each) for each in rules]) if rules else None


def find_rule(bucket: Bucket, rule_id: str) -> Rule:
    """Return a rule of a bucket.

    Raises:
        OssError: NoSuchReplicationRule.
    """
    found = next((each for each in rules_of(bucket) if each.rule_id == rule_id), None)
    if found is None:
        raise OssError(
            "NoSuchReplicationRule",
            "The BucketReplicationRule you specified does not exist.",
            {"BucketName": bucket.name, "RuleId": rule_id[:100]},
        )
    return found


def with_rule(bucket: Bucket, rule: Rule, target: Bucket | None) -> str | None:
    """Return the setting of a bucket that has one more rule.

    Args:
        bucket: the bucket.
        rule: its new rule.
        target: the bucket that the rule names; None: there is none that it may name.

    Raises:
        OssError: InvalidTargetBucket, InvalidTargetLocation, BucketReplicationAlreadyExist, InvalidArgument (another rule has its
            id, or one of both buckets keeps versions and the other one not).
    """
    named = {"TargetBucket": rule.bucket[:100]}
    if target is None or target.name == bucket.name:
        words = "The target bucket you specified does not exist, or cannot be the target of this bucket."
        raise OssError("InvalidTargetBucket", words, named)
    if target.region != rule.region:
        words = "The target bucket you specified does not locate in the target location."
        raise OssError("InvalidTargetLocation", words, {**named, "TargetLocation": f"oss-{rule.region}"[:100]})
    rules = rules_of(bucket)
    if any(each.bucket == rule.bucket for each in rules):
        words = "There is a replication rule between the two buckets already."
        raise OssError("BucketReplicationAlreadyExist", words, named)
    if any(each.rule_id == rule.rule_id for each in rules):
        raise invalid("ID", rule.rule_id, "Rule ID is not unique.")
    if versioning_of(bucket) != versioning_of(target) or versioning_of(bucket) is Versioning.SUSPENDED:
        why = "The versioning of both buckets must be enabled, or have never been set."
        raise invalid("Bucket", rule.bucket, why, ec="0031-00000053")
    return keep_rules([*rules, rule])


def change_rule(bucket: Bucket, rule_id: str, **changes: object) -> str | None:
    """Return the setting of a bucket one of whose rules has changed.

    Raises:
        OssError: NoSuchReplicationRule.
    """
    found = find_rule(bucket, rule_id)
    return keep_rules([replace(each, **changes) if each is found else each for each in rules_of(bucket)])  # type: ignore[arg-type] # checked by its own fields


def check_versioning(bucket: Bucket, state: str | None, others: Sequence[Bucket]) -> None:
    """Refuse to change the versioning of a bucket that is replicated, or that another one is replicated into.

    Raises:
        OssError: OperationNotSupported.
    """
    targets = {rule.bucket for other in others for rule in rules_of(other)}
    if state != versioning_of(bucket) and (rules_of(bucket) or bucket.name in targets):
        raise OssError(
            "OperationNotSupported", "The versioning of a bucket cannot be changed while it has a replication rule."
        )
