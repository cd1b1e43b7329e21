"""Policies of form uploads: what a form must hold, and what is no policy."""

from __future__ import annotations

import base64
import json

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.forms import Policy, read_policy

DAY = {"expiration": "2030-01-01T12:00:00.000Z"}


def policy(*conditions: str) -> Policy:
    """Return a policy of conditions as they are written."""
    text = f'{{"expiration": "2030-01-01T12:00:00.000Z", "conditions": [{", ".join(conditions)}]}}'
    return read_policy(base64.b64encode(text.encode()).decode())


def is_met(condition: str, **form: str) -> bool:
    try:
        policy(condition).check(form, bucket="b", now=0)
    except OssError as error:
        return (error.code, error.ec) != ("AccessDenied", "0006-00000227")
    return True


@pytest.mark.parametrize(
    ("condition", "key", "met"),
    [
        ('["eq", "$key", "a"]', "a", True),
        ('["eq", "$Key", "a"]', "b", False),
        ('{"key": "a"}', "a", True),
        ('["starts-with", "$key", "user/"]', "user/a", True),
        ('["starts-with", "$key", "user/"]', "users", False),
        ('["in", "$key", ["a", "b"]]', "b", True),
        ('["not-in", "$key", ["a", "b"]]', "b", False),
        ('{"bucket": "b"}', "a", True),
    ],
)
def test_a_form_is_held_against_a_condition(condition: str, key: str, met: bool) -> None:
    assert is_met(condition, key=key) == met


@pytest.mark.parametrize(
    ("written", "key"),
    [(r"\$a", "$a"), ("$a", "$a"), (r"\\$a", "\\$a"), (r"\\\$a", "\\$a"), (r"\u0024a\/b", "$a/b"), (r"\"", '"')],
)
def test_characters_are_escaped_as_in_json_and_the_dollar_too(written: str, key: str) -> None:
    assert is_met(f'["eq", "$key", "{written}"]', key=key)


@pytest.mark.parametrize(
    "text", ["", "é", "e30", base64.b64encode(b"\xff").decode(), base64.b64encode(b'{"a": "\\x"}').decode()]
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(OssError) as error:
        read_policy(text)
    assert error.value.code == "InvalidPolicyDocument"


def test_a_file_has_the_sizes_of_all_ranges() -> None:
    both = policy('["content-length-range", 1, 100]', '["content-length-range", 10, 1000]')
    assert (both.least, both.most) == (10, 100)


def test_a_policy_expires() -> None:
    late = read_policy(base64.b64encode(json.dumps({**DAY, "conditions": [{"bucket": "b"}]}).encode()).decode())
    late.check({}, bucket="b", now=late.expires)
    with pytest.raises(OssError, match="expired"):
        late.check({}, bucket="b", now=late.expires + 1)
