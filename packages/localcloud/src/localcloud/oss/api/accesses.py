"""The last access to an object of a bucket that tracks that: noted at a GetObject, told by HeadObject and GetObjectMeta.

That reads of older versions do not count, nor what copies or processes an object, is assumed.

Source: OSS, PutBucketAccessMonitor, GetObjectMeta.
"""

from __future__ import annotations

from localcloud.kernel.times import to_http
from localcloud.oss.api.call import Call
from localcloud.oss.model import StoredObject
from localcloud.oss.settings.monitoring import SETTING, last_access


def tracks(call: Call) -> bool:
    """Return True if the bucket of a request tracks, or has once tracked, accesses."""
    bucket = call.guard.find_bucket(call.bucket)
    return bucket is not None and SETTING.parameter in bucket.settings


async def note_access(call: Call, item: StoredObject) -> None:
    """Note that an object is read."""
    if call.version is None and call.oss.accesses.note(call.bucket, item.key, call.guard.clock()):
        await call.run(call.oss.accesses.write)


async def access_headers(call: Call, item: StoredObject) -> dict[str, str]:
    """Return the header that tells when an object was last accessed, if its bucket tracks that."""
    if not tracks(call):
        return {}
    read = await call.read(call.oss.accesses.find, call.bucket, item.key)
    accessed = last_access(call.holder, item.modified, read)
    return {} if accessed is None else {"x-oss-last-access-time": to_http(accessed)}
