"""The tags of a service (FC 2.0) or a function (FC 3.0): those that a template gives change, others stay."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.fc.model import Tags
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.declarations import tags_in
from localcloud.ros.resources.provider import Context, Right
from localcloud.ros.resources.rights import on_function


def rights_to_tag(context: Context, path: str, before: Given | None, after: Given | None) -> Iterable[Right]:
    """Yield the rights that a change of tags needs; those of what is deleted go with it."""
    plural = "s" if path.startswith("functions/") else ""  # so the operations of FC 3.0 are called
    old, new = tags_in((before or {}) if after else {}), tags_in(after or {})
    if new.items() - old.items():
        yield on_function(context, f"TagResource{plural}", path)
    if old.keys() - new.keys():
        yield on_function(context, f"UntagResource{plural}", path)


def retag(tags: Tags, path: str, before: Given, after: Given) -> None:
    """Make the tags that properties gave those that they are to give."""
    old, new = tags_in(before), tags_in(after)
    if gone := old.keys() - new.keys():
        tags.remove(path, gone)
    if come := dict(new.items() - old.items()):
        tags.add(path, come)
