"""DATASOURCE::OSS::Bucket and ::Buckets. That `Owner` is a map in the first is assumed. Source: see `source`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.model import Bucket, Buckets
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.datasources.source import NEEDED, REFRESH, DataSource, ListSource
from localcloud.ros.resources.provider import Context, Property, Right
from localcloud.ros.resources.rights import on_bucket


class _OfOss(DataSource):
    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets


class BucketSource(_OfOss):
    """A bucket."""

    name = "DATASOURCE::OSS::Bucket"
    properties: Mapping[str, Property] = {"BucketName": NEEDED, **REFRESH}
    returns: Sequence[str] = (
        "Owner",
        "ExtranetEndpoint",
        "StorageClass",
        "CreateTime",
        "IntranetEndpoint",
        "Name",
        "Location",
    )

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_bucket(context, "GetBucketInfo", properties["BucketName"])

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        bucket = self._buckets.get(properties["BucketName"])
        return {**_write(bucket), "Owner": {"ID": bucket.owner, "DisplayName": bucket.owner}}


class BucketsSource(_OfOss, ListSource):
    """All buckets."""

    name = "DATASOURCE::OSS::Buckets"
    properties: Mapping[str, Property] = REFRESH
    returns: Sequence[str] = ("BucketNames", "Buckets")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_bucket(context, "ListBuckets", "*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        return self.tell(self._buckets.all(), _write)


def _write(bucket: Bucket) -> Given:
    return {
        "Name": bucket.name,
        "Owner": bucket.owner,
        "Location": f"oss-{bucket.region}",
        "StorageClass": bucket.storage_class,
        "CreateTime": to_milliseconds(bucket.created),
        "ExtranetEndpoint": f"oss-{bucket.region}.aliyuncs.com",
        "IntranetEndpoint": f"oss-{bucket.region}-internal.aliyuncs.com",
    }
