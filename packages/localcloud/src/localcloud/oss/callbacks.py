"""Callbacks of uploads: what a request asks for, and the body that is sent. Pure.

Sources: OSS, "Callback", "EC error codes". How values are written into bodies is assumed where they say nothing: percent-encoded in
forms; in JSON as values, within quotation marks as their text.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from localcloud.kernel.values import read_json
from localcloud.oss.errors import OssError

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MAX_PARAMETER = 5 * 1024  # bytes of the header
MAX_URLS = 5
_VARIABLE = re.compile(r'(?P<quoted>")?\$\{(?P<name>[A-Za-z0-9_.:-]+)\}')
_TEXTS = {"callbackUrl": "0007-00000004", "callbackHost": "0007-00000009", "callbackBodyType": "0007-00000012"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Callback:
    """The request that is to follow an upload."""

    urls: tuple[str, ...]  # tried in order
    host: str | None  # of the header Host; None: that of the URL
    body: str  # with variables
    body_type: str  # FORM or JSON
    variables: Mapping[str, str]  # the client's own, `x:name`

    def render(self, values: Mapping[str, str | int]) -> bytes:
        """Return the body.

        Args:
            values: of OSS's variables, by name; one that there is not is empty.
        """
        known: Mapping[str, str | int] = {**self.variables, **values}

        def write(found: re.Match[str]) -> str:
            value, quoted = known.get(found["name"], ""), found["quoted"] or ""
            if self.body_type != JSON:
                return quoted + quote(str(value), safe="")
            text = json.dumps(value, ensure_ascii=False)
            return quoted + json.dumps(str(value), ensure_ascii=False)[1:-1] if quoted else text

        return _VARIABLE.sub(write, self.body).encode("utf-8", "surrogateescape")


def read_callback(
    parameter: str, variables: str, *, find_kept: Callable[[str], tuple[str, str] | None] = lambda _: None
) -> Callback:
    """Read a callback's parameters, each the base64 of an object of JSON; empty variables: there are none.

    Args:
        parameter: the callback, or the name of one that the bucket keeps.
        variables: the client's own; empty: those of the callback that the bucket keeps, if any.
        find_kept: returns the two parameters of a callback that the bucket keeps, by its name, or None.

    Raises:
        OssError: InvalidArgument.
    """
    said = _decode("callback", parameter)
    for name in ("callbackBody", *_TEXTS):
        if not isinstance(said.get(name, ""), str):
            raise _invalid("callback", parameter, f"not valid: {name} must be a string", ec=_TEXTS.get(name))
    if "callbackPolicy" in said:
        kept = find_kept(said["callbackPolicy"])
        if kept is None:
            raise _invalid("callback", parameter, "not valid: the bucket keeps no callback of that name")
        return read_callback(kept[0], variables or kept[1])
    urls = tuple(each for each in said.get("callbackUrl", "").split(";") if each)
    body_type = said.get("callbackBodyType", FORM)
    if not urls or len(urls) > MAX_URLS or not said.get("callbackBody"):
        raise _invalid(
            "callback", parameter, f"not valid: callbackUrl (at most {MAX_URLS}) and callbackBody are required"
        )
    if body_type not in {FORM, JSON}:
        raise _invalid("callback", parameter, f"not valid: callbackBodyType must be {FORM} or {JSON}")
    _check_body(said["callbackBody"])
    urls = tuple(each if "://" in each else f"http://{each}" for each in urls)
    for url in urls:
        _check_url(url)
    own = _decode("callback-var", variables) if variables else {}
    return Callback(
        urls=urls,
        host=said.get("callbackHost"),
        body=said["callbackBody"],
        body_type=body_type,
        variables={
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in own.items()
            if name.startswith("x:")
        },
    )


def _check_body(body: str) -> None:
    """Refuse a body in which a dollar sign begins no variable.

    Raises:
        OssError: InvalidArgument.
    """
    if re.search(r"\$(?!\{)", body):
        raise OssError(
            "InvalidArgument",
            "Left brace must be adjacent to dollar sign.",
            {"ArgumentName": "ReplaceKeyPrefix", "ArgumentValue": body[:200]},
            ec="0007-00000105",
        )


def _check_url(url: str) -> None:
    """Refuse a URL that nobody can be reached under, or that is within a private network.

    Loopback is where the embedded cloud's callbacks go; the rest is what OSS's SDKs for C++ and Java expect.

    Raises:
        OssError: InvalidArgument.
    """
    host = host_of(url)
    if host is None or not ("." in host or ":" in host or host == "localhost"):
        raise _invalid("callback", url, "not valid: callbackUrl needs the name or the address of a host")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if address.is_private and not address.is_loopback:
        raise OssError("InvalidArgument", "Private address is forbidden to callback.", {"ArgumentName": "callbackUrl"})


def host_of(url: str) -> str | None:
    """Return the host of a URL that can be called, in lower case; None: it can not."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    host = parts.hostname
    return host if parts.scheme in {"http", "https"} and host else None


def _decode(name: str, text: str) -> dict[str, Any]:
    if len(text) > MAX_PARAMETER:
        raise _invalid(name, text, f"longer than {MAX_PARAMETER} bytes")
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _invalid(name, text, "not base64 encoded") from error
    try:
        said = read_json(decoded)
    except ValueError as error:
        raise _invalid(name, text, "not json format") from error
    if not isinstance(said, dict):
        raise _invalid(name, text, "not json format")
    return said


def _invalid(name: str, text: str, why: str, *, ec: str | None = None) -> OssError:
    return OssError(
        "InvalidArgument",
        f"The {name} configuration is {why}.",
        {"ArgumentName": name, "ArgumentValue": text[:200]},
        ec=ec,
    )
