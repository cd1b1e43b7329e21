"""The objects in one account's buckets, as services of the cloud read them on its behalf, each by the endpoint of a region."""

from __future__ import annotations

from localcloud.oss.operations.buckets import BucketOperations, check_endpoint
from localcloud.oss.operations.objects import ObjectOperations, OpenObject, Permit, anybody


class OwnObjects:
    """The objects of one account: other accounts' are refused, whatever their buckets' policies say (assumed).

    Args:
        objects: those of all accounts.
        buckets: the account's.
        region: of the endpoint, unless a service names another one.
    """

    def __init__(self, objects: ObjectOperations, buckets: BucketOperations, *, region: str) -> None:
        self._objects = objects
        self._buckets = buckets
        self._region = region

    def open(self, bucket: str, key: str, *, region: str | None = None, permit: Permit = anybody) -> OpenObject:
        """Return an object of the account; see `ObjectOperations.open`.

        Raises:
            OssError: AccessDenied (another account's or another region's), and what that raises.
        """
        return self._objects.open(bucket, key, permit=self._own(bucket, region or self._region, permit))

    def read(self, bucket: str, key: str, *, permit: Permit = anybody) -> bytes:
        """Return an object's bytes, opened as by `open`; for small objects."""
        return self._objects.read(bucket, key, permit=self._own(bucket, self._region, permit))

    def _own(self, bucket: str, region: str, permit: Permit) -> Permit:
        def permit_own(key: str, acl: str) -> None:
            check_endpoint(self._buckets.get(bucket), region)
            permit(key, acl)

        return permit_own
