"""Policies of form uploads: what a form must hold, and what is no policy."""

from __future__ import annotations

import base64
import json

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.forms import Policy, read_policy

DAY = {"expiration": "2030-01-01T12:00:00.000Z"}
USUAL = "0030-00000005"  # the finer code where there is none finer


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
    ("document", "ec"),
    [
        (b"", USUAL),
        (b"\xff", USUAL),
        (b'{"a": "\\x"}', USUAL),
        (b"[]", "0006-00000207"),
        (b'{"conditions": {}}', "0006-00000207"),
        (b'{"conditions": []}', "0006-00000215"),
        (b'{"conditions": [{}]}', USUAL),
        (b'{"conditions": [{}], "expiration": "soon"}', USUAL),
        (b'{"conditions": [{}], "expiration": "2030-01-01T12:00:00"}', USUAL),
    ],
)
def test_what_is_no_policy_is_refused(document: bytes, ec: str) -> None:
    with pytest.raises(OssError) as error:
        read_policy(base64.b64encode(document).decode())
    assert (error.value.code, error.value.ec) == ("InvalidPolicyDocument", ec)


def test_what_is_no_base64_is_no_policy() -> None:
    for text in ("é", "e30", "e3 0="):
        with pytest.raises(OssError, match="base64"):
            read_policy(text)


@pytest.mark.parametrize(
    ("condition", "ec"),
    [
        ('["content-length-range", 1]', USUAL),
        ('["content-length-range", 2, 1]', USUAL),
        ('["content-length-range", -1, 1]', USUAL),
        ('["content-length-range", true, 1]', USUAL),
        ('["content-length-range", 1, 2, 3]', USUAL),
        ('["eq", "$key"]', "0006-00000216"),
        ('["eq", "$key", "a", "b"]', "0006-00000218"),
        ('["eq", "$key", ["a"]]', "0006-00000218"),
        ('["in", "$key", "a"]', "0006-00000218"),
        ('["in", "$key", [1]]', "0006-00000218"),
        ('["unlike", "$key", "a"]', "0006-00000218"),
        ('["eq", 1, "a"]', "0006-00000218"),
        ('{"key": 1}', "0006-00000218"),
        ('"key"', "0006-00000218"),
    ],
)
def test_what_is_no_condition_is_refused(condition: str, ec: str) -> None:
    with pytest.raises(OssError) as error:
        policy(condition)
    assert (error.value.code, error.value.ec) == ("InvalidPolicyDocument", ec)


def test_a_file_has_the_sizes_of_all_ranges() -> None:
    both = policy('["content-length-range", 1, 100]', '["content-length-range", 10, 1000]')
    assert (both.least, both.most) == (10, 100)


def test_a_policy_expires() -> None:
    late = read_policy(base64.b64encode(json.dumps({**DAY, "conditions": [{"bucket": "b"}]}).encode()).decode())
    late.check({}, bucket="b", now=late.expires)
    with pytest.raises(OssError, match="expired"):
        late.check({}, bucket="b", now=late.expires + 1)
