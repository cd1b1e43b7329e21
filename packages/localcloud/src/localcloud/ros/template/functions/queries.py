"""Fn::Jq: programs of jq, a language of its own, in the process that evaluates the template.

The library is an extra: it is imported when it is needed. A program cannot read files, and there is nothing in its environment.
Source: ROS, "Fn::Jq".
"""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from localcloud.ros.errors import TemplateError
from localcloud.ros.template.bounds import MAX_VALUES, check_value
from localcloud.ros.template.functions.arguments import Value, arguments


def _jq(value: Value) -> object:
    method, script, data = arguments("Fn::Jq", value, 3)
    if method not in ("First", "All") or not isinstance(script, str):
        raise TemplateError("Fn::Jq: needs First or All, a program, and an object or its JSON")
    try:
        import jq
    except ImportError:
        raise TemplateError("not implemented: Fn::Jq: install aliyun-localcloud[jq]") from None
    try:
        with _without_files():
            found = iter(jq.compile(script).input_text(data if isinstance(data, str) else json.dumps(data)))
            results = list(islice(found, 1 if method == "First" else MAX_VALUES))
    except ValueError as error:
        raise TemplateError(f"Fn::Jq: {str(error)[:200]}") from None
    check_value(results, "Fn::Jq")
    return results if method == "All" else next(iter(results), None)


@contextmanager
def _without_files() -> Iterator[None]:
    """Let nothing be opened: jq's programs can import files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


QUERIES: Mapping[str, Callable[[Any], object]] = {"Fn::Jq": _jq}
