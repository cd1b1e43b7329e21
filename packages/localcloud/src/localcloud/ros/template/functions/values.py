"""Functions of texts, lists and maps."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import itertools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.functions.arguments import Value, arguments, bounded, to_text


def _join(value: Value) -> str:
    delimiter, items = arguments("Fn::Join", value, 2)
    if not all(isinstance(each, str | int | float) for each in items):
        raise TemplateError("Fn::Join: joins texts and numbers, no lists, maps or nulls")
    return str(delimiter.join(map(to_text, items)))


def _select(value: Value) -> object:
    index, data, *default = arguments("Fn::Select", value, 2, 3)
    missing = default[0] if default else ""
    if isinstance(data, str):
        data = data.split(",")
    if isinstance(data, dict):
        return data.get(str(index), missing)
    if ":" in str(index):
        return data[slice(*(int(part) if part.strip() else None for part in str(index).split(":")))]
    number = int(index)
    return data[number] if -len(data) <= number < len(data) else missing


def _replace(value: Value) -> str:
    changes, text = arguments("Fn::Replace", value, 2)
    for old, new in changes.items():
        text = text.replace(old, to_text(new))
    return str(text)


def _split(value: Value) -> list[str]:
    delimiter, text = arguments("Fn::Split", value, 2)
    return list(text.split(delimiter))


def _index(value: Value) -> object:
    item, items = arguments("Fn::Index", value, 2)
    return items.index(item) if item in items else None


def _json_value(value: Value) -> object:
    key, data = arguments("Fn::GetJsonValue", value, 2)
    record = json.loads(data) if isinstance(data, str) else data
    return record[key]


def _merge_map_to_list(value: Value) -> list[dict[str, object]]:
    lists = {key: items for each in value for key, items in each.items()}
    longest = max(map(len, lists.values()), default=0)
    # A shorter list's last item is repeated.
    return [{key: items[min(number, len(items) - 1)] for key, items in lists.items()} for number in range(longest)]


def _select_map_list(value: Value) -> list[object]:
    key, maps = arguments("Fn::SelectMapList", value, 2)
    return [each[key] for each in maps if key in each]


def _member_list_to_map(value: Value) -> dict[str, str]:
    """Source: OpenStack Heat's function of this name, which ROS names but does not describe."""
    key, value_key, members = arguments("Fn::MemberListToMap", value, 3)
    columns: dict[str, dict[str, str]] = {key: {}, value_key: {}}
    for each in members:
        match = re.fullmatch(r"\.member\.([0-9]+)\.(\w+)=(.*)", each, re.DOTALL)
        if match and match[2] in columns:
            columns[match[2]][match[1]] = match[3]
    return {name: columns[value_key][row] for row, name in columns[key].items() if row in columns[value_key]}


def _match_pattern(value: Value) -> bool:
    pattern, text = arguments("Fn::MatchPattern", value, 2)
    try:
        return re.match(pattern, to_text(text)) is not None
    except re.error as error:
        raise TemplateError(f"Fn::MatchPattern: needs a regular expression: {error.msg}") from None


def _contains(value: Value) -> bool:
    items, item = arguments("Fn::Contains", value, 2)
    return item in items


def _each_member_in(value: Value) -> bool:
    items, others = arguments("Fn::EachMemberIn", value, 2)
    return all(each in others for each in items)


def _indent(value: Value) -> str:
    text, level, *options = arguments("Fn::Indent", value, 2, 3, 4)
    width = bounded("Fn::Indent", "the size", options[0] if options else 2, 0, 4)
    space = " " * width * bounded("Fn::Indent", "the level", level, 0, 20)
    first = options[1] if len(options) == 2 else True  # whether the first line is indented, too
    return ("" if first is False else space) + text.replace("\n", "\n" + space)  # type: ignore[no-any-return]


def _cidr(value: Value) -> list[str]:
    block, count, bits = arguments("Fn::Cidr", value, 3)
    network = ipaddress.IPv4Network(str(block))
    host_bits = bounded("Fn::Cidr", "cidrBits", bits, 0, 32 - network.prefixlen)
    wanted = bounded("Fn::Cidr", "the count", count, 1, min(256, 2 ** (32 - network.prefixlen - host_bits)))
    return [str(subnet) for subnet in itertools.islice(network.subnets(new_prefix=32 - host_bits), wanted)]


def _decode(value: Value) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise TemplateError("Fn::Base64Decode: not a base64 text") from None


def _equals(value: Value) -> bool:
    one, other = arguments("Fn::Equals", value, 2)
    return bool(one == other or to_text(one) == to_text(other))


VALUES: Mapping[str, Callable[[Any], object]] = {
    "Fn::Str": to_text,
    "Fn::Base64": lambda value: base64.b64encode(value.encode()).decode(),
    "Fn::Base64Encode": lambda value: base64.b64encode(value.encode()).decode(),
    "Fn::Base64Decode": _decode,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Replace": _replace,
    "Fn::Split": _split,
    "Fn::Equals": _equals,
    "Fn::Index": _index,
    "Fn::Length": len,
    "Fn::ListMerge": lambda lists: [item for each in lists for item in each],
    "Fn::GetJsonValue": _json_value,
    "Fn::MergeMapToList": _merge_map_to_list,
    "Fn::MergeMap": lambda maps: {key: item for each in maps for key, item in each.items()},
    "Fn::SelectMapList": _select_map_list,
    "Fn::MemberListToMap": _member_list_to_map,
    "Fn::Any": any,
    "Fn::Contains": _contains,
    "Fn::EachMemberIn": _each_member_in,
    "Fn::MatchPattern": _match_pattern,
    "Fn::Indent": _indent,
    "Fn::Cidr": _cidr,
}
