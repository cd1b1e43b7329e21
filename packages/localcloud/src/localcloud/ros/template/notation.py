"""The two notations of a template: a JSON or YAML text becomes mappings with text keys, lists, text, numbers, booleans and None.

Nothing is guessed: a key that stands twice, a tag or a value that JSON has not, and a text that grows out of bounds are refused.
YAML is read as version 1.1 reads it (`yes` is true), but a date stays text, and a function's short form, `!Sub text`, becomes its
long form, `{"Fn::Sub": text}`.
"""

from __future__ import annotations

import json

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.plain import Pairs, to_plain


def parse_text(text: str) -> object:
    """Return the value that a JSON or YAML text spells.

    Args:
        text: JSON if it begins with a brace or a bracket, YAML otherwise.

    Raises:
        TemplateError: it cannot be read, and where.
    """
    try:
        value = _parse_json(text) if text.lstrip().startswith(("{", "[")) else _parse_yaml(text)
        return to_plain(value)
    except RecursionError:
        raise TemplateError("the template is nested too deeply") from None


def _parse_json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=Pairs, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise TemplateError(
            f"the template is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    except ValueError as error:  # a number of thousands of digits
        raise TemplateError(f"the template is not JSON: {error}") from None


def _refuse_constant(name: str) -> object:
    raise TemplateError(f"the template is not JSON: {name} is not a value of JSON")


def _parse_yaml(text: str) -> object:
    # It needs a library that most of the embedded cloud's processes never use.
    from localcloud.ros.template.yaml_text import parse_yaml

    return parse_yaml(text)
