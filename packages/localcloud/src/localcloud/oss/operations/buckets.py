"""Operations on buckets and their settings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from localcloud.oss.errors import OssError
from localcloud.oss.model import STORAGE_CLASSES, Bucket, BucketStat, StoredObject
from localcloud.oss.operations.acls import check_acl, with_acl
from localcloud.oss.settings import objectworm, replication
from localcloud.oss.settings.accesspoints import points_of, without_point
from localcloud.oss.settings.encryption import SETTING as ENCRYPTION
from localcloud.oss.settings.encryption import default_of
from localcloud.oss.settings.live import channels_of, key_of
from localcloud.oss.settings.policy import PARAMETER as POLICY
from localcloud.oss.settings.policy import change_policy
from localcloud.oss.settings.redundancy import KIND, LOCAL
from localcloud.oss.settings.setting import Setting, keep
from localcloud.oss.settings.table import BY_PARAMETER
from localcloud.oss.settings.versioning import SETTING as VERSIONING
from localcloud.oss.settings.worm import check_mutable
from localcloud.oss.store.store import Store

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)


def not_owned(name: str) -> OssError:
    """Return the error of who asks for another account's bucket without a right to it."""
    return OssError("AccessDenied", "The bucket you access does not belong to you.", {"BucketName": name})


def taken(name: str) -> OssError:
    """Return the error of who wants a bucket of a name that another account's has."""
    return OssError(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again.",
        {"BucketName": name},
    )


def check_endpoint(bucket: Bucket, region: str) -> None:
    """Refuse who asks for a bucket by the endpoint of another region.

    Sources: OSS, "EC error codes", 0003-00001403; the elements are from what users of OSS report.

    Raises:
        OssError: AccessDenied, with the endpoint that is.
    """
    if bucket.region != region:
        raise OssError(
            "AccessDenied",
            "The bucket you are attempting to access must be addressed using the specified endpoint. "
            "Please send all future requests to this endpoint.",
            {"Bucket": bucket.name, "Endpoint": f"oss-{bucket.region}.aliyuncs.com"},
            ec="0003-00001403",
        )


class BucketOperations:
    """Buckets of one account, in all regions.

    Args:
        store: where they are kept.
        account_id: the owner of them; others' are found, and neither returned nor changed.
        region: of a bucket that is made without naming one.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, *, account_id: str, region: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._account_id = account_id
        self._region = region
        self._clock = clock

    def create(
        self,
        name: str,
        *,
        acl: str | None = None,
        storage_class: str | None = None,
        redundancy: str = LOCAL,
        encryption: Mapping[str, str] | None = None,
        region: str | None = None,
    ) -> Bucket:
        """Create a bucket; creating one's own again is allowed and changes its ACL only, its storage class never.

        Args:
            name: its name.
            acl: its ACL; None: private, or the one that it has.
            storage_class: its storage class; None: Standard, or the one that it has.
            redundancy: of its data.
            encryption: the default for its objects, as headers; None: there is none.
            region: the region that it is in; None: the home region.

        Raises:
            OssError: InvalidBucketName, InvalidArgument (ACL), InvalidStorageClass, AccessDenied (a public ACL, which the bucket
                blocks), BucketAlreadyExists (someone else's, one of another storage class, or one in another region).
        """
        place = region or self._region
        if not _NAME.fullmatch(name):
            raise OssError(
                "InvalidBucketName",
                "The specified bucket is not valid: 3 to 63 lower-case letters, digits and hyphens, no hyphen at an end.",
                {"BucketName": name},
            )

        def change(existing: Bucket | None) -> Bucket:
            if existing is None:
                check_acl(acl or "private")
                wanted = storage_class or "Standard"
                if wanted not in STORAGE_CLASSES:
                    raise OssError(
                        "InvalidStorageClass",
                        f"The storage class {wanted[:100]!r} is not one of {', '.join(sorted(STORAGE_CLASSES))}.",
                    )
                default = default_of(encryption or {})
                settings = {} if redundancy == LOCAL else {KIND: redundancy}
                return Bucket(
                    name=name,
                    owner=self._account_id,
                    region=place,
                    created=self._clock(),
                    acl=acl or "private",
                    storage_class=wanted,
                    settings=settings if default is None else {**settings, ENCRYPTION.parameter: default},
                )
            if existing.owner != self._account_id:
                raise taken(name)
            if existing.region != place:  # the words: OSS, "HTTP status code 409"
                raise OssError(
                    "BucketAlreadyExists", "Bucket already exists can't modify location.", {"BucketName": name}
                )
            if storage_class not in (None, existing.storage_class):
                raise OssError(
                    "BucketAlreadyExists", "Cannot modify existing bucket's storage class", {"BucketName": name}
                )
            return existing if acl is None else with_acl(existing, acl)

        return self._store.buckets.change(name, change)

    def get(self, name: str) -> Bucket:
        """Return a bucket; it does not wait for anything.

        Raises:
            OssError: NoSuchBucket, AccessDenied (another account's).
        """
        bucket = self._store.buckets.get(name)
        if bucket.owner != self._account_id:
            raise not_owned(name)
        return bucket

    def find(self, name: str) -> Bucket | None:
        """Return a bucket, or None; it does not wait for anything."""
        bucket = self._store.buckets.find(name)
        return bucket if bucket and bucket.owner == self._account_id else None

    def all(self) -> list[Bucket]:
        """Return all buckets in order of their names; it does not wait for anything."""
        return [bucket for bucket in self._store.buckets.all() if bucket.owner == self._account_id]

    def delete(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            OssError: NoSuchBucket, BucketNotEmpty (live channels and access points count, too: the latter is assumed).
        """
        bucket = self.get(name)
        for kept, what in ((channels_of(bucket), "live channels"), (points_of(bucket), "access points")):
            if kept:
                raise OssError(
                    "BucketNotEmpty", f"The bucket has {what}. Please delete them first.", {"BucketName": name}
                )
        self._store.buckets.delete(name)

    def contents(self, name: str) -> tuple[list[str], list[str]]:
        """Return the keys of a bucket's objects, hidden ones too, and of its unfinished uploads.

        Raises:
            OssError: NoSuchBucket.
        """
        self.get(name)
        objects = dict.fromkeys(item.key for item, _ in self._store.versions.after(name))
        return list(objects), [upload.key for upload in self._store.uploads.after(name)]

    def stat(self, name: str) -> BucketStat:
        """Return the amount that a bucket holds.

        Raises:
            OssError: NoSuchBucket.
        """
        bucket = self.get(name)
        sizes, counts = Counter[str](), Counter[str]()
        markers, changed = 0, 0.0
        for item, _ in self._store.versions.after(name):
            changed = max(changed, item.modified)
            if isinstance(item, StoredObject):
                storage_class = item.attributes.storage.storage_class or "Standard"
                sizes[storage_class] += item.size
                counts[storage_class] += 1
            else:
                markers += 1
        return BucketStat(
            size=sizes.total(),
            objects=counts.total(),
            uploads=sum(1 for _ in self._store.uploads.after(name)),
            markers=markers,
            channels=len(channels_of(bucket)),
            sizes=sizes,
            counts=counts,
            changed=changed,
        )

    def empty(self, name: str) -> None:
        """Delete all objects of a bucket with their versions, its unfinished uploads, live channels and access points.

        Raises:
            OssError: NoSuchBucket, FileImmutable (the bucket's retention policy protects one).
        """
        holder = self.get(name)

        def may_go(item: StoredObject) -> bool:
            now = self._clock()
            check_mutable(holder, item.modified, now)
            objectworm.check_mutable(item, now)
            return True

        for item, _ in self._store.versions.after(name):
            self._store.objects.delete(name, item.key, now=self._clock(), version=item.version, when=may_go)
        for upload in self._store.uploads.after(name):
            self._store.uploads.abort(upload)
        for channel in channels_of(holder):
            self.set_setting(name, key_of(channel), None)
        for point in points_of(holder):
            self.delete_access_point(name, point.name)

    def set_acl(self, name: str, acl: str) -> None:
        """Change a bucket's ACL.

        Raises:
            OssError: NoSuchBucket, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket blocks).
        """
        self._change(name, lambda bucket: with_acl(bucket, acl))

    def set_setting(self, name: str, setting: str, document: str | None) -> None:
        """Keep the document of a subresource (lifecycle, encryption, policy, …), or remove it with None.

        Raises:
            OssError: NoSuchBucket, MalformedXML, and the errors of the setting.
        """
        if document is None:
            self.change_setting(name, setting, lambda _: None)
        elif setting == POLICY:
            self.change_setting(name, setting, change_policy(document.encode()))
        else:
            self.put_setting(name, BY_PARAMETER[setting], document.encode(), {})

    def put_setting(self, name: str, setting: Setting, body: bytes, options: Mapping[str, str]) -> None:
        """Keep the XML document that a request puts.

        Args:
            name: the bucket's name.
            setting: the setting.
            body: the document.
            options: the request's headers, which some settings ask.

        Raises:
            OssError: NoSuchBucket, MalformedXML, and the errors of the setting.
        """
        element = setting.read(body, options)
        target = element.findtext(setting.target[0]) if setting.target else None
        if setting.target and target is not None:
            found = self.find(target)
            words = "put bucket log requester is not target bucket owner."  # also where none is: OSS's SDK for Java
            if found is None:
                raise OssError(setting.target[1], words, {"TargetBucket": target[:100]})
            if found.region != self.get(name).region:  # "Logging": both are in one region; the words are assumed
                words = "The target bucket is not in the same region as the source bucket."
                raise OssError(setting.target[1], words, {"TargetBucket": target[:100]})

        def change(bucket: Bucket) -> Bucket:
            now = self._clock()
            setting.agree(bucket, element)
            if setting is VERSIONING:
                objectworm.check_versioning(bucket, element.findtext("Status"), now)
                replication.check_versioning(bucket, element.findtext("Status"), self._store.buckets.all())
            kept = {setting.parameter: keep(element), **setting.notes(bucket, element, now)}
            return replace(bucket, settings={**bucket.settings, **kept})

        self._change(name, change)

    def change_setting(self, name: str, key: str, change: Callable[[Bucket], str | None]) -> None:
        """Keep what a function makes of a bucket as one of its settings; None removes that.

        Raises:
            OssError: NoSuchBucket, and what `change` raises.
        """

        def change_bucket(bucket: Bucket) -> Bucket:
            settings, document = dict(bucket.settings), change(bucket)
            if document is None:
                settings.pop(key, None)
            else:
                settings[key] = document  # one that is replaced keeps its place among them
            return replace(bucket, settings=settings)

        self._change(name, change_bucket)

    def delete_access_point(self, name: str, point: str) -> None:
        """Delete an access point of a bucket, with its policy.

        Raises:
            OssError: NoSuchBucket, NoSuchAccessPoint.
        """
        self._change(name, lambda bucket: without_point(bucket, point))

    def account_setting(self, setting: Setting) -> str | None:
        """Return the document that the account keeps of a setting; None: there is none."""
        return self._store.buckets.of_account(self._account_id).get(setting.parameter)

    def put_account_setting(self, setting: Setting, body: bytes, options: Mapping[str, str]) -> None:
        """Keep the document of a setting for all buckets of the account.

        Raises:
            OssError: MalformedXML.
        """
        document = keep(setting.read(body, options))
        self._store.buckets.change_account(self._account_id, lambda before: {**before, setting.parameter: document})

    def delete_account_setting(self, setting: Setting) -> None:
        """Remove a setting of the account."""
        self._store.buckets.change_account(
            self._account_id,
            lambda before: {name: document for name, document in before.items() if name != setting.parameter},
        )

    def _change(self, name: str, change: Callable[[Bucket], Bucket]) -> None:
        self._store.buckets.change(name, lambda _: change(self.get(name)))
