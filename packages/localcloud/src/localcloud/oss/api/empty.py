"""Lists of what cannot exist in the embedded cloud: they are empty, and so are pages of them.

Cloud boxes and access points that process objects cannot be made here; the operations that would are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call, Handler


def empty(root: str, content: Mapping[str, object]) -> Handler:
    """Return a handler that answers an empty list.

    Args:
        root: the answer's root element.
        content: what it holds beside the entries.
    """

    async def handler(call: Call) -> web.StreamResponse:
        return xml_response(root, content)

    return handler
