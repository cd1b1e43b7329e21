"""The actions on tags. Lists of names, keys and tags come as JSON, as the official SDKs write them."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.paging import page_after
from localcloud.kernel.rpc import Call
from localcloud.kernel.values import read_json
from localcloud.ram.api.calls import Calls, read_flag, reader
from localcloud.ram.errors import RamError
from localcloud.ram.operations.entities import MAX_TAGS
from localcloud.ram.operations.tags import Tag, TaggedKind

MAX_NAMES = 50  # of resources in a call
PAGE_SIZES = range(1, 100 + 1)


class TagCalls(Calls):
    """The actions on tags of roles and policies."""

    def tag(self, call: Call) -> Answer:
        """TagResources."""
        kind, names = self._resources(call)
        tags = read_tags(call)
        if not tags:
            raise RamError("MissingParameter.Tag", f"The parameter Tag that {call.action} needs is not supplied.")
        self._ram.tag(kind, names, tags)
        return {}

    def untag(self, call: Call) -> Answer:
        """UntagResources."""
        kind, names = self._resources(call)
        keys = None if read_flag(call, "All", False) else _texts(call, "TagKeys", MAX_TAGS)
        if keys == []:  # the code is assumed
            raise RamError("MissingParameter.TagKeys", "TagKeys names no tag to remove; All=true removes all tags.")
        self._ram.untag(kind, names, keys)
        return {}

    def list_all(self, call: Call) -> Answer:
        """ListTagResources."""
        kind, wanted = self._kind(call), _texts(call, "ResourceNames", MAX_NAMES)
        for name in wanted or ["*"]:
            self.allow(call, f"{kind}/{name}")
        asked, tags = read_tags(call), self._ram.tags(kind)
        holders = {
            name
            for name, held in _by_holder(tags).items()
            if asked.items() <= held.items() and (not wanted or name in wanted)
        }
        found = [tag for tag in tags if tag.resource in holders]
        limit = reader.whole(call, "PageSize", PAGE_SIZES[-1], PAGE_SIZES)
        page = page_after(found, call.parameters.get("NextToken", ""), limit, name=_place)
        told = [
            {"ResourceType": kind, "ResourceName": tag.resource, "TagKey": tag.key, "TagValue": tag.value}
            for tag in page.items
        ]
        return {"TagResources": told, **({"NextToken": _place(page.items[-1])} if page.rest else {})}

    def _kind(self, call: Call) -> TaggedKind:
        reader.required(call, "ResourceType")
        return "role" if reader.choice(call, "ResourceType", ("role", "policy"), "") == "role" else "policy"

    def _resources(self, call: Call) -> tuple[TaggedKind, list[str]]:
        kind = self._kind(call)
        reader.required(call, "ResourceNames")
        names = _texts(call, "ResourceNames", MAX_NAMES)
        for name in names:
            self.allow(call, f"{kind}/{name}")
        return kind, names


def read_tags(call: Call) -> dict[str, str]:
    """Return the tags that a call gives.

    Raises:
        RamError: InvalidParameter.Tag.
    """
    tags: dict[str, str] = {}
    for each in _list(call, "Tag", MAX_TAGS):
        key, value = (each.get("Key"), each.get("Value", "")) if isinstance(each, dict) else (None, None)
        if not isinstance(key, str) or not key or not isinstance(value, str) or key in tags:
            raise RamError(
                "InvalidParameter.Tag", "The parameter Tag is a list of objects with Key and Value, each key once."
            )
        tags[key] = value
    return tags


def _texts(call: Call, name: str, most: int) -> list[str]:
    texts = _list(call, name, most)
    if not all(isinstance(text, str) and text for text in texts):
        raise RamError(f"InvalidParameter.{name}", f"The parameter {name} is a list of texts.")
    return [str(text) for text in texts]


def _list(call: Call, name: str, most: int) -> list[object]:
    text = call.parameters.get(name)
    if not text:
        return []
    try:
        value = read_json(text)
    except ValueError as error:
        raise RamError(f"InvalidParameter.{name}", f"The parameter {name} is not JSON: {error}.") from error
    if not isinstance(value, list) or len(value) > most:
        raise RamError(f"InvalidParameter.{name}", f"The parameter {name} is a list of up to {most}.")
    return value


def _by_holder(tags: list[Tag]) -> dict[str, dict[str, str]]:
    holders: dict[str, dict[str, str]] = {}
    for tag in tags:
        holders.setdefault(tag.resource, {})[tag.key] = tag.value
    return holders


def _place(tag: Tag) -> str:
    """Return where a tag stands in lists: behind all those of resources before its own."""
    return f"{tag.resource}\n{tag.key}"
