"""The fields of a log as they lie on disk, with what comes with it."""

from __future__ import annotations

import json
from functools import lru_cache

from localcloud.sls.model import SOURCE, TAG, TOPIC
from localcloud.sls.search.matching import Fields
from localcloud.sls.wire import read_group

MAX_REMEMBERED = 8 * 1024  # bytes of what a group's logs have in common, beyond which it is read anew for each of them


def fields_of(head: bytes, content: str) -> Fields:
    """Return the fields of a log, its topic first.

    Args:
        head: its group without its logs, in the wire format.
        content: its own fields, as JSON.
    """
    common = _remembered(head) if len(head) <= MAX_REMEMBERED else _common(head)
    return (*common, *json.loads(content))


@lru_cache(maxsize=64)
def _remembered(head: bytes) -> Fields:
    return _common(head)


def _common(head: bytes) -> Fields:
    group = read_group(head, max_logs=0)
    return ((TOPIC, group.topic), (SOURCE, group.source), *((f"{TAG}:{name}", value) for name, value in group.tags))
