"""Templates in YAML: what version 1.1 reads, as far as JSON can say it, and functions in their short form. See `notation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.bounds import MAX_DEPTH
from localcloud.ros.template.plain import Pairs


def parse_yaml(text: str) -> object:
    """Return the value that a YAML text spells, its mappings as `Pairs`.

    Raises:
        TemplateError: it cannot be read, and where.
    """
    try:
        _check_depth(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a subclass of SafeLoader that makes plain values only)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise TemplateError(f"the template is not YAML: {error.problem or error.context}{where}") from None
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:  # also of a number of thousands of digits
        raise TemplateError(f"the template is not YAML: {str(error).splitlines()[0]}") from None


def _check_depth(text: str) -> None:
    """Refuse what is nested too deeply for the loader, which recurses in C."""
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise TemplateError(f"the template is nested too deeply: {MAX_DEPTH} levels are allowed")


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:  # the loader in C is several times as fast; PyYAML is built without it where libyaml is not
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Makes what JSON can say, and functions of their short forms."""


_JSON_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")}
_Loader.yaml_constructors = {tag: make for tag, make in yaml.SafeLoader.yaml_constructors.items() if tag in _JSON_TAGS}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _JSON_TAGS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _construct_mapping(loader: yaml.SafeLoader, node: yaml.Node) -> Pairs:
    assert isinstance(node, yaml.MappingNode)
    pairs = Pairs()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is text, not a list or a mapping", key.start_mark
            )
        if key.value == "<<" and not key.style:
            raise yaml.constructor.ConstructorError(None, None, "not implemented: merge keys (<<)", key.start_mark)
        pairs.append((key.value, loader.construct_object(value, deep=True)))
    return pairs


def _construct_list(loader: yaml.SafeLoader, node: yaml.Node) -> list[object]:
    assert isinstance(node, yaml.SequenceNode)
    return [loader.construct_object(each, deep=True) for each in node.value]


def _construct_function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Pairs:
    value: object
    if isinstance(node, yaml.ScalarNode):
        value = node.value
    elif isinstance(node, yaml.SequenceNode):
        value = _construct_list(loader, node)
    else:
        value = _construct_mapping(loader, node)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return Pairs([(name if name in {"Ref", "Condition"} else f"Fn::{name}", value)])


def _refuse_tag(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    raise yaml.constructor.ConstructorError(None, None, f"the tag {node.tag} is not allowed", node.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _construct_list)
_Loader.add_multi_constructor("!", _construct_function)
_Loader.add_constructor(None, _refuse_tag)
