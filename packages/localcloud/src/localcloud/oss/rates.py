"""The rates of requests to buckets that limit theirs: those of each second are counted, and what is beyond the limit is refused.

That seconds begin together for all, that names with `-internal` alone are the intranet, and that the requests that read and change
the limits are never refused, is assumed.

Sources: OSS, PutBucketQoSInfo; "503 error", TotalQpsLimitExceeded.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.quality import rates_of


class Rates:
    """The requests of this second.

    Args:
        clock: seconds, which never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._counts: Counter[tuple[str, str]] = Counter()  # by bucket and network

    def count(self, bucket: Bucket, *, internal: bool) -> None:
        """Count a request.

        Args:
            bucket: its bucket.
            internal: it comes over the intranet.

        Raises:
            OssError: TotalQpsLimitExceeded.
        """
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._counts.clear()
        for network, limit in rates_of(bucket, internal=internal).items():
            self._counts[bucket.name, network] += 1
            if self._counts[bucket.name, network] > limit:
                raise OssError("TotalQpsLimitExceeded", "Max total qps limit is exceeded", {"BucketName": bucket.name})
