"""Queries over metadata take their time: whoever sends many waits for its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from localcloud.kernel.access import Caller
from localcloud.kernel.identity import Identity
from localcloud.oss.api import metaquery
from localcloud.oss.api.call import Call
from localcloud.oss.model import Bucket

QUERY = b'<MetaQuery><Query>{"Field": "Size", "Operation": "gt", "Value": "0"}</Query></MetaQuery>'


@dataclass
class QueryCall:
    """A query whose work ends when it is let."""

    caller: Caller
    holder: Bucket
    running: asyncio.Event = field(default_factory=asyncio.Event)
    end: asyncio.Event = field(default_factory=asyncio.Event)
    query: dict[str, str] = field(default_factory=lambda: {"metaQuery": "", "comp": "query"})
    body: bytes = QUERY

    def require(self, action: str) -> None:
        assert action == "DoMetaQuery"

    async def run(self, *_: Any) -> None:
        self.running.set()
        await self.end.wait()


def test_whoever_sends_many_queries_keeps_nobody_else_waiting() -> None:
    opened = {metaquery.OPENED: "0"}
    bucket = Bucket(
        name="b-1",
        owner="1",
        region="cn-hangzhou",
        created=0.0,
        acl="private",
        storage_class="Standard",
        settings=opened,
    )

    def ask(account: str) -> QueryCall:
        return QueryCall(Caller(identity=Identity(account_id=account)), bucket)

    async def serve() -> None:
        many, other = [ask("1") for _ in range(3)], ask("2")
        tasks = [asyncio.create_task(metaquery.change(cast(Call, call))) for call in (*many, other)]
        await asyncio.wait_for(other.running.wait(), 5)
        assert [call.running.is_set() for call in many] == [True, False, False]
        for call in (*many, other):
            call.end.set()
        await asyncio.gather(*tasks)

    asyncio.run(serve())
