"""The objects in one account's buckets, as services of the cloud read them on its behalf."""

from __future__ import annotations

from localcloud.oss.operations.buckets import BucketOperations
from localcloud.oss.operations.objects import ObjectOperations, OpenObject, Permit, anybody


class OwnObjects:
    """The objects of one account: other accounts' are refused, whatever their buckets' policies say (assumed).

    Args:
        objects: those of all accounts.
        buckets: the account's.
    """

    def __init__(self, objects: ObjectOperations, buckets: BucketOperations) -> None:
        self._objects = objects
        self._buckets = buckets

    def open(self, bucket: str, key: str, *, permit: Permit = anybody) -> OpenObject:
        """Return an object of the account; see `ObjectOperations.open`.

        Raises:
            OssError: AccessDenied (another account's), and what that raises.
        """
        return self._objects.open(bucket, key, permit=self._own(bucket, permit))

    def read(self, bucket: str, key: str, *, permit: Permit = anybody) -> bytes:
        """Return an object's bytes, opened as by `open`; for small objects."""
        return self._objects.read(bucket, key, permit=self._own(bucket, permit))

    def _own(self, bucket: str, permit: Permit) -> Permit:
        def permit_own(key: str, acl: str) -> None:
            self._buckets.get(bucket)
            permit(key, acl)

        return permit_own
