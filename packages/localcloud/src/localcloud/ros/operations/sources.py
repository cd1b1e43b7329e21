"""The places where a template or a stack policy may lie: OSS, a server on loopback, or ROS itself.

Sources: ROS API, "CreateStack", `TemplateURL` and `TemplateId`. Servers elsewhere are not asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from localcloud.kernel.access import Caller, Gate
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.outgoing import is_near, send
from localcloud.ros.errors import RosError, forbidden
from localcloud.ros.model import Owner
from localcloud.ros.operations.library import Library
from localcloud.ros.template.bounds import MAX_SIZE

MAX_URL = 1024  # bytes
PATIENCE = 5.0  # seconds for a server's answer
Permit = Callable[[str], None]  # asked for a key before anything is said of its object
# of bucket, key, the bucket's region, the most bytes that are wanted, and who may
ReadObject = Callable[[str, str, str, int, Permit], bytes]


class Sources:
    """Reads what URLs name, with the rights of whoever names them.

    Args:
        owner: whose region the buckets are in of which a URL says no other.
        authorizer: decides who may read an object.
        library: the templates that ROS keeps.
        read_object: reads an object; blocks, and raises errors of OSS.
    """

    def __init__(self, owner: Owner, authorizer: Authorizer, *, library: Library, read_object: ReadObject) -> None:
        self._owner = owner
        self._library = library
        self._gate = Gate(authorizer, forbidden)
        self._read_object = read_object

    async def read(self, url: str, caller: Caller, limit: int = MAX_SIZE) -> str:
        """Return the text that a URL names.

        Args:
            url: `oss://BUCKET/KEY`, with `?RegionId=REGION` of another region, or one of a server on loopback.
            caller: who asks.
            limit: the most bytes that it may have.

        Raises:
            RosError: it cannot be read, is too large, or lies where nothing is asked.
        """
        if len(url.encode()) > MAX_URL:
            raise RosError("InvalidTemplateURL", f"The URL has more than {MAX_URL} bytes.")
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            raise _unreadable(url, f"it is no URL: {error}") from error
        if parts.scheme == "oss":
            region = parse_qs(parts.query).get("RegionId", [self._owner.region])[0]
            content = await self._of_bucket(url, parts.netloc, parts.path.removeprefix("/"), region, caller, limit)
        elif is_near(url):
            content = await _of_server(url, limit)
        else:
            raise _unreadable(url, "not implemented: URLs other than oss://BUCKET/KEY and those of this machine")
        if len(content) > limit:
            raise _unreadable(url, f"it has more than {limit:,} bytes")
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise _unreadable(url, "it is not UTF-8") from error

    def stored(self, template_id: str, version: str, caller: Caller) -> str:
        """Return a version of a template that ROS keeps; empty: the latest.

        Raises:
            RosError: there is none, or the caller may not see it.
        """
        prefix = f"acs:ros:{self._owner.region}:{self._owner.account_id}"
        self._gate.require(caller, "ros:GetTemplate", f"{prefix}:template/{template_id}")
        return self._library.get(template_id, version)[1].body

    async def _of_bucket(self, url: str, bucket: str, key: str, region: str, caller: Caller, limit: int) -> bytes:
        def permit(key: str) -> None:
            resource = f"acs:oss:oss-{region}:{self._owner.account_id}:{bucket}/{key}"
            self._gate.require(caller, "oss:GetObject", resource)

        try:
            return await asyncio.to_thread(self._read_object, bucket, key, region, limit + 1, permit)
        except RosError:  # of `permit`
            raise
        except ApiError as error:
            raise _unreadable(url, f"{error.code}: {error.message}") from error


async def _of_server(url: str, limit: int) -> bytes:
    try:
        status, content = await send("GET", url, limit=limit, patience=PATIENCE)
    except TimeoutError as error:
        raise _unreadable(url, f"no answer came within {PATIENCE:g} seconds") from error
    except ConnectionError as error:
        raise _unreadable(url, str(error)) from error
    if status != 200:
        raise _unreadable(url, f"the server answered {status}")
    return content


def _unreadable(url: str, why: str) -> RosError:
    return RosError("InvalidTemplateURL", f"{url.partition('?')[0]} cannot be read: {why}.")
