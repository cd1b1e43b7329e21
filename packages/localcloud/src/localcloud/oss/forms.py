"""Policies of form uploads: what a form must hold. Pure.

Sources: OSS, "PostObject", and its "Appendix: Policy"; "Troubleshooting", 0006-00000207 to -227.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localcloud.kernel.values import read_json
from localcloud.oss.errors import OssError
from localcloud.oss.model import MAX_PUT
from localcloud.oss.signing import aws4, v4
from localcloud.oss.signing.claim import Claim

Form = Mapping[str, str]  # fields by lower-case name
_ESCAPE = re.compile(r"\\.", re.DOTALL)  # those of JSON, and that of the dollar ("Appendix: Policy")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The conditions that whoever signed a form made."""

    expires: float  # seconds since the epoch
    conditions: tuple[tuple[str, str, Any], ...]  # kind, field, and the value or values
    least: int = 0  # bytes of the file
    most: int = MAX_PUT  # likewise

    def check(self, form: Form, *, bucket: str, now: float) -> None:
        """Compare a form with the conditions.

        Raises:
            OssError: AccessDenied, with the condition that is not met.
        """
        if now > self.expires:
            raise OssError("AccessDenied", "Invalid according to Policy: Policy expired.")
        values = {**form, "bucket": bucket}
        for kind, field, wanted in self.conditions:
            if not _is_met(kind, values.get(field), wanted):
                shown = json.dumps([kind, f"${field}", wanted], ensure_ascii=False)
                raise OssError(
                    "AccessDenied", f"Invalid according to Policy: Policy Condition failed: {shown}", ec="0006-00000227"
                )


def _is_met(kind: str, value: str | None, wanted: Any) -> bool:  # noqa: ANN401 - a value or a list of them
    if kind == "not-in":
        return value not in wanted
    if value is None:
        return False
    match kind:
        case "eq":
            return bool(value == wanted)
        case "starts-with":
            return value.startswith(wanted)
        case _:
            return value in wanted


def read_policy(text: str) -> Policy:
    """Read a policy: the base64 of JSON.

    Raises:
        OssError: InvalidPolicyDocument.
    """
    try:
        document = read_json(_ESCAPE.sub(_unescape_dollar, base64.b64decode(text, validate=True).decode()))
    except ValueError as error:
        raise _invalid("it is not the base64 of JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("conditions"), list):
        raise _invalid("it has no list of conditions", ec="0006-00000207")
    if not document["conditions"]:
        raise _invalid("its list of conditions is empty", ec="0006-00000215")
    try:
        expires = datetime.fromisoformat(document.get("expiration"))  # type: ignore[arg-type] # checked by what it raises
    except (TypeError, ValueError) as error:
        raise _invalid("expiration must be a time such as 2030-01-01T12:00:00.000Z") from error
    if expires.tzinfo is None:
        raise _invalid("expiration must be in UTC, such as 2030-01-01T12:00:00.000Z")
    conditions: list[tuple[str, str, Any]] = []
    least, most = 0, MAX_PUT
    for each in document["conditions"]:
        if isinstance(each, list) and each and each[0] == "content-length-range":
            low, high = _read_range(each)
            least, most = max(least, low), min(most, high)
        else:
            conditions += _read_condition(each)
    return Policy(expires=expires.timestamp(), conditions=tuple(conditions), least=least, most=most)


def _unescape_dollar(escape: re.Match[str]) -> str:
    """Return an escape as JSON has it, which has none for the dollar."""
    return "$" if escape[0] == "\\$" else escape[0]


def _read_range(condition: list[Any]) -> tuple[int, int]:
    bounds = condition[1:]
    if len(bounds) != 2 or not all(type(bound) is int and bound >= 0 for bound in bounds) or bounds[0] > bounds[1]:
        raise _invalid("content-length-range must be followed by two whole numbers, the lower one first")
    return bounds[0], bounds[1]


def _read_condition(condition: object) -> list[tuple[str, str, Any]]:
    if isinstance(condition, dict) and all(isinstance(value, str) for value in condition.values()):
        return [("eq", name.lower(), value) for name, value in condition.items()]
    if isinstance(condition, list) and len(condition) == 3:
        kind, field, wanted = condition
        lists = kind in {"in", "not-in"} and isinstance(wanted, list) and all(isinstance(each, str) for each in wanted)
        if isinstance(field, str) and (lists or (kind in {"eq", "starts-with"} and isinstance(wanted, str))):
            return [(kind, field.removeprefix("$").lower(), wanted)]
    raise _invalid(
        f"the condition {json.dumps(condition, ensure_ascii=False)[:200]} is none of eq, starts-with, in, not-in",
        ec="0006-00000216" if isinstance(condition, list) and len(condition) < 3 else "0006-00000218",
    )


def _invalid(why: str, *, ec: str | None = None) -> OssError:
    return OssError("InvalidPolicyDocument", f"Invalid Policy: {why}.", ec=ec)


def speaks_s3(form: Form) -> bool:
    """Return whether a form's signature is one of AWS's."""
    return "x-amz-algorithm" in form or "awsaccesskeyid" in form


def read_form_claim(form: Form, *, region: str) -> Claim | None:
    """Return the claim of a form, which signs its policy; None: the form is anybody's.

    Raises:
        OssError: InvalidArgument (malformed, incomplete, or of another region).
    """
    if "x-oss-signature-version" in form:
        _require(form, "x-oss-credential", "x-oss-date", "x-oss-signature", "policy")
        scope = form["x-oss-credential"].split("/")
        expected = [form["x-oss-date"][:8], region, "oss", "aliyun_v4_request"]
        if form["x-oss-signature-version"] != v4.ALGORITHM or scope[1:] != expected:
            raise OssError(
                "InvalidArgument", f"x-oss-credential must end with {'/'.join(expected)}, for {v4.ALGORITHM}."
            )
        return _claim(form, scope[0], "x-oss", lambda secret: v4.derive(secret, tuple(scope[1:])))
    if "x-amz-algorithm" in form:
        _require(form, "x-amz-credential", "x-amz-date", "x-amz-signature", "policy")
        own = aws4.read_scope(form["x-amz-credential"], form["x-amz-date"])
        return _claim(form, own.access_key_id, "x-amz", own.derive)
    key, prefix = ("awsaccesskeyid", "x-amz") if "awsaccesskeyid" in form else ("ossaccesskeyid", "x-oss")
    if key not in form and "signature" not in form:
        return None
    _require(form, key, "signature", "policy")
    text = form["policy"].encode()
    return Claim(
        access_key_id=form[key],
        security_token=form.get(f"{prefix}-security-token"),
        signature=form["signature"],
        string_to_sign=text,
        compute=lambda secret: base64.b64encode(hmac.digest(secret.encode(), text, "sha1")).decode(),
    )


def _claim(form: Form, access_key_id: str, prefix: str, derive: Any) -> Claim:  # noqa: ANN401 - str -> bytes
    text = form["policy"].encode()
    return Claim(
        access_key_id=access_key_id,
        security_token=form.get(f"{prefix}-security-token"),
        signature=form[f"{prefix}-signature"],
        string_to_sign=text,
        compute=lambda secret: hmac.digest(derive(secret), text, "sha256").hex(),
    )


def _require(form: Form, *names: str) -> None:
    if missing := [name for name in names if not form.get(name)]:
        raise OssError(
            "InvalidArgument",
            f"The form is signed and has no field {', '.join(missing)}.",
            {"ArgumentName": missing[0]},
        )
