"""Replication: which changes reach the target, in which order, and that none is lost, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes, Bucket, DeleteMarker, ObjectEvent, ObjectKind, Storage, StoredObject
from localcloud.oss.operations.replication import Allow
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings.replication import CLOSING, STARTING, Rule, read_rule, rules_of
from tests.support.clock import Clock

ACCOUNT, HOME, FAR = "1111111111111111", "cn-hangzhou", "cn-shanghai"
ENABLED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
TAGS = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"


def rule_of(clock: Clock, *, bucket: str = "far", region: str = FAR, more: str = "") -> Rule:
    target = f"<Destination><Bucket>{bucket}</Bucket><Location>oss-{region}</Location></Destination>"
    body = f"<ReplicationConfiguration><Rule><ID>r</ID>{target}{more}</Rule></ReplicationConfiguration>"
    return read_rule(body.encode(), clock())


@pytest.fixture
def oss(service: OssService) -> OssService:
    """A service with a bucket in the home region, `kept`, and one in another, `far`."""
    service.buckets.create("far", region=FAR)
    return service


def work(service: OssService, clock: Clock) -> int:
    """Let the rules start, and run them."""
    return service.replication.run(clock() + STARTING)


def held(service: OssService, bucket: str = "far") -> dict[str, bytes]:
    return {key: service.objects.read(bucket, key) for key in service.buckets.contents(bucket)[0]}


def versions(service: OssService, bucket: str) -> list[tuple[str, str, bool, type]]:
    return [(item.key, item.version, latest, type(item)) for item, latest in service.objects.versions(bucket).entries]


def test_what_was_there_and_what_comes_is_copied_once_the_rule_works(oss: OssService, clock: Clock) -> None:
    oss.objects.put("kept", "old", b"0")
    oss.replication.add("kept", rule_of(clock))
    oss.objects.put("kept", "new", b"1")
    assert (oss.replication.run(), held(oss)) == (0, {})  # it starts
    assert (work(oss, clock), held(oss)) == (2, {"old": b"0", "new": b"1"})
    oss.objects.put("kept", "new", b"2")
    oss.objects.delete("kept", "old")
    assert (work(oss, clock), held(oss)) == (2, {"new": b"2"})
    assert work(oss, clock) == 0


def test_without_history_only_what_comes_is_copied(oss: OssService, clock: Clock) -> None:
    oss.objects.put("kept", "old", b"0")
    rule = rule_of(clock, more="<HistoricalObjectReplication>disabled</HistoricalObjectReplication>")
    oss.replication.add("kept", rule)
    oss.objects.put("kept", "new", b"1")
    work(oss, clock)
    assert held(oss) == {"new": b"1"}


def test_deletions_reach_the_target_by_the_rules_action(oss: OssService, clock: Clock) -> None:
    oss.replication.add("kept", rule_of(clock, more="<Action>PUT</Action>"))
    oss.objects.put("kept", "a", b"1")
    work(oss, clock)
    oss.objects.delete("kept", "a")
    assert (work(oss, clock), held(oss)) == (0, {"a": b"1"})


def test_keys_without_one_of_the_prefixes_stay(oss: OssService, clock: Clock) -> None:
    prefixes = "<PrefixSet><Prefix>a/</Prefix><Prefix>b/</Prefix></PrefixSet>"
    for key in ("a/1", "b/1", "c/1"):
        oss.objects.put("kept", key, b"old")
    oss.replication.add("kept", rule_of(clock, more=prefixes))
    for key in ("a/2", "c/2"):
        oss.objects.put("kept", key, b"new")
    work(oss, clock)
    assert held(oss) == {"a/1": b"old", "b/1": b"old", "a/2": b"new"}


def test_a_copy_is_what_its_source_is(oss: OssService, clock: Clock) -> None:
    oss.replication.add("kept", rule_of(clock))
    attributes = Attributes(
        headers={"content-type": "text/plain", "x-oss-meta-a": "b"},
        acl="public-read",
        tagging=TAGS,
        storage=Storage(storage_class="IA"),
    )
    source = oss.objects.put("kept", "a", b"hello", attributes)
    clock.now += 100
    work(oss, clock)
    copy = oss.objects.get("far", "a")
    assert replace(copy, bucket="kept", data=source.data) == source
    assert copy.data != source.data
    oss.objects.set_acl("kept", "a", "private")
    work(oss, clock)
    assert oss.objects.get("far", "a").attributes.acl == "private"
    assert oss.objects.get("far", "a").data == copy.data  # whose bytes are the same


def test_symlinks_and_appended_objects_keep_their_kind(oss: OssService, clock: Clock) -> None:
    oss.replication.add("kept", rule_of(clock))
    oss.symlinks.put("kept", "link", "a", Attributes())
    work(oss, clock)
    copy = oss.objects.get("far", "link")
    assert (copy.kind, copy.symlink_target) == (ObjectKind.SYMLINK, "a")


def test_versions_and_markers_keep_their_ids_and_their_order(oss: OssService, clock: Clock) -> None:
    for bucket in ("kept", "far"):
        oss.buckets.set_setting(bucket, "versioning", ENABLED)
    oss.objects.put("kept", "a", b"1")
    second = oss.objects.put("kept", "a", b"2").version
    oss.objects.delete("kept", "b")
    oss.replication.add("kept", rule_of(clock))
    oss.objects.delete("kept", "a")
    work(oss, clock)
    assert versions(oss, "far") == versions(oss, "kept")
    assert [each[3] for each in versions(oss, "far")] == [DeleteMarker, StoredObject, StoredObject, DeleteMarker]
    oss.objects.delete("kept", "a", version=second)
    work(oss, clock)
    assert versions(oss, "far") == versions(oss, "kept")


def test_without_the_action_a_version_that_is_deleted_stays_and_a_marker_is_copied(
    oss: OssService, clock: Clock
) -> None:
    for bucket in ("kept", "far"):
        oss.buckets.set_setting(bucket, "versioning", ENABLED)
    oss.replication.add("kept", rule_of(clock, more="<Action>PUT</Action>"))
    first = oss.objects.put("kept", "a", b"1").version
    work(oss, clock)
    oss.objects.delete("kept", "a")
    oss.objects.delete("kept", "a", version=first)
    work(oss, clock)
    assert [each[3] for each in versions(oss, "far")] == [DeleteMarker, StoredObject]


def test_both_buckets_keep_versions_or_neither_and_that_stays(oss: OssService, clock: Clock) -> None:
    oss.buckets.set_setting("far", "versioning", ENABLED)
    with pytest.raises(OssError, match="versioning of both buckets") as caught:
        oss.replication.add("kept", rule_of(clock))
    assert caught.value.ec == "0031-00000053"
    oss.buckets.set_setting("kept", "versioning", ENABLED)
    oss.replication.add("kept", rule_of(clock))
    for bucket in ("kept", "far"):
        with pytest.raises(OssError, match="OperationNotSupported"):
            oss.buckets.set_setting(bucket, "versioning", ENABLED.replace("Enabled", "Suspended"))


def test_a_copy_goes_no_further(oss: OssService, clock: Clock) -> None:
    oss.buckets.create("third", region=HOME)
    oss.replication.add("kept", rule_of(clock))
    oss.replication.add("far", rule_of(clock, bucket="kept", region=HOME))
    oss.replication.add("far", replace(rule_of(clock, bucket="third", region=HOME), rule_id="s"))
    oss.objects.put("kept", "a", b"1")
    oss.objects.put("far", "b", b"2")
    work(oss, clock)
    work(oss, clock)
    assert held(oss, "kept") == held(oss, "far") == {"a": b"1", "b": b"2"}
    assert held(oss, "third") == {"b": b"2"}


def test_what_is_pending_is_copied_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    def start() -> OssService:
        return OssService(tmp_path / "oss", account_id=ACCOUNT, region=HOME, clock=clock)

    first = start()
    first.buckets.create("kept")
    first.buckets.create("far", region=FAR)
    first.objects.put("kept", "old", b"0")
    first.replication.add("kept", rule_of(clock))
    first.objects.put("kept", "new", b"1")
    first.close()
    again = start()
    work(again, clock)
    assert held(again) == {"old": b"0", "new": b"1"}
    again.close()


def test_a_rule_that_was_deleted_copies_nothing_more_and_goes(oss: OssService, clock: Clock) -> None:
    oss.replication.add("kept", rule_of(clock))
    oss.objects.put("kept", "a", b"1")
    assert oss.replication.close("kept", "r")
    assert not oss.replication.close("kept", "r")
    oss.objects.put("kept", "b", b"1")
    clock.now += CLOSING - 1
    assert (oss.replication.run(), held(oss)) == (0, {})
    assert [rule.status(clock()) for rule in rules_of(oss.get_bucket("kept"))] == ["closing"]
    clock.now += 1
    oss.replication.run()
    assert rules_of(oss.get_bucket("kept")) == ()
    assert oss.replication.close("kept", "r")  # OSS answers success where there is none


def test_progress_counts_what_was_there_before(oss: OssService, clock: Clock) -> None:
    for number in range(4):
        oss.objects.put("kept", str(number), b"")
    oss.replication.add("kept", rule_of(clock))
    (rule,) = rules_of(oss.get_bucket("kept"))
    assert oss.replication.progress("kept", rule) == {"HistoricalObject": "0"}
    clock.now += STARTING
    assert oss.replication.progress("kept", rule)["HistoricalObject"] == "0"
    oss.replication.run()
    done = oss.replication.progress("kept", rule)
    assert done["HistoricalObject"] == "1"
    assert done["NewObject"] is not None


@pytest.mark.parametrize(
    ("bucket", "region", "code"),
    [
        ("nowhere", FAR, "InvalidTargetBucket"),
        ("kept", HOME, "InvalidTargetBucket"),
        ("far", HOME, "InvalidTargetLocation"),
        ("others", HOME, "InvalidTargetBucket"),
    ],
)
def test_a_target_that_a_rule_cannot_have_is_refused(
    oss: OssService, clock: Clock, bucket: str, region: str, code: str
) -> None:
    oss.buckets_of("2222222222222222").create("others")
    with pytest.raises(OssError, match=code):
        oss.replication.add("kept", rule_of(clock, bucket=bucket, region=region))


def test_a_pair_of_buckets_has_one_rule(oss: OssService, clock: Clock) -> None:
    oss.replication.add("kept", rule_of(clock))
    with pytest.raises(OssError, match="BucketReplicationAlreadyExist"):
        oss.replication.add("kept", replace(rule_of(clock), rule_id="other"))


def test_objects_of_kms_are_copied_where_the_rule_says_so(oss: OssService, clock: Clock) -> None:
    kms = Attributes(storage=Storage(encryption={"x-oss-server-side-encryption": "KMS"}))
    oss.replication.add("kept", rule_of(clock))
    oss.buckets.create("with")
    status = "<SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects>"
    more = f"<SyncRole>x</SyncRole><SourceSelectionCriteria>{status}</SourceSelectionCriteria>"
    key = "<EncryptionConfiguration><ReplicaKmsKeyID>k</ReplicaKmsKeyID></EncryptionConfiguration>"
    oss.replication.add("kept", replace(rule_of(clock, bucket="with", region=HOME, more=more + key), rule_id="s"))
    oss.objects.put("kept", "a", b"1", kms)
    work(oss, clock)
    assert held(oss) == {}
    assert oss.objects.get("with", "a").attributes.storage.encryption["x-oss-server-side-encryption-key-id"] == "k"


class Agent:
    """Allows a rule what tests say, and notes what it asks for."""

    def __init__(self) -> None:
        self.allowed = {"oss:ReplicateList", "oss:ReplicateGet", "oss:ReplicatePut", "oss:ReplicateDelete"}
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, owner: str, rule: Rule) -> Allow:
        def allow(action: str, bucket: Bucket, key: str) -> bool:
            self.asked.append((action, bucket.name, key))
            return action in self.allowed

        return allow


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
def guarded(tmp_path: Path, clock: Clock, agent: Agent) -> Iterator[OssService]:
    service = OssService(tmp_path, account_id=ACCOUNT, region=HOME, clock=clock, agents=agent)
    service.buckets.create("kept")
    service.buckets.create("far", region=FAR)
    service.replication.add("kept", rule_of(clock))
    yield service
    service.close()


def test_a_rule_asks_for_what_it_does_and_waits_for_what_it_may_not(
    guarded: OssService, clock: Clock, agent: Agent
) -> None:
    guarded.objects.put("kept", "a", b"1")
    for missing in sorted(agent.allowed - {"oss:ReplicateDelete"}):
        agent.allowed.discard(missing)
        assert (work(guarded, clock), held(guarded)) == (0, {})
        agent.allowed.add(missing)
    assert (work(guarded, clock), held(guarded)) == (1, {"a": b"1"})
    assert set(agent.asked) == {
        ("oss:ReplicateList", "kept", ""),
        ("oss:ReplicatePut", "far", "a"),
        ("oss:ReplicateGet", "kept", "a"),
    }
    agent.allowed.discard("oss:ReplicateDelete")
    guarded.objects.delete("kept", "a")
    assert (work(guarded, clock), held(guarded)) == (0, {"a": b"1"})
    agent.allowed.add("oss:ReplicateDelete")
    assert (work(guarded, clock), held(guarded)) == (1, {})


def test_functions_hear_of_copies_in_buckets_of_the_home_region(oss: OssService, clock: Clock) -> None:
    events: list[ObjectEvent] = []
    oss.buckets.create("near")
    oss.subscribe(events.append)
    oss.replication.add("kept", rule_of(clock, bucket="near", region=HOME))
    oss.objects.put("kept", "a", b"1")
    work(oss, clock)
    oss.objects.put("kept", "a", b"2")
    work(oss, clock)
    oss.objects.delete("kept", "a")
    work(oss, clock)
    told = [event.name for event in events if event.bucket == "near"]
    assert told == [f"ObjectReplication:{what}" for what in ("ObjectCreated", "ObjectModified", "ObjectRemoved")]


def test_a_target_that_is_gone_or_retains_its_objects_is_no_reason_to_stop(oss: OssService, clock: Clock) -> None:
    oss.replication.add("kept", rule_of(clock))
    oss.objects.put("kept", "a", b"1")
    oss.buckets.delete("far")
    assert work(oss, clock) == 0
    oss.buckets.create("far", region=FAR)
    oss.objects.put("kept", "b", b"1")
    assert (work(oss, clock), held(oss)) == (1, {"b": b"1"})


def test_a_bucket_of_another_account_that_takes_the_targets_name_gets_nothing(oss: OssService, clock: Clock) -> None:
    oss.replication.add("kept", rule_of(clock))
    oss.buckets.delete("far")
    oss.buckets_of("2222222222222222").create("far", region=FAR)
    oss.objects.put("kept", "a", b"1")
    assert work(oss, clock) == 0
    assert oss.buckets_of("2222222222222222").contents("far") == ([], [])


def test_a_bucket_goes_with_its_rules(oss: OssService, clock: Clock) -> None:
    oss.replication.add("kept", rule_of(clock))
    oss.objects.put("kept", "a", b"1")
    oss.objects.delete("kept", "a")
    oss.buckets.delete("kept")
    oss.buckets.create("kept")
    assert (oss.replication.due(), work(oss, clock)) == (None, 0)
