"""Destinations of asynchronous invocations: what their ARNs name, and the right that whoever names them needs."""

from __future__ import annotations

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.operations.destinations import read_destination


@pytest.mark.parametrize(
    ("resource", "name", "qualifier", "right"),
    [
        ("functions/f", "functions/f", "", "functions/f"),
        ("functions/f/prod", "functions/f", "prod", "functions/f"),
        ("services/s/functions/f", "services/s/functions/f", "", "services/s/functions/f"),
        ("services/s.2/functions/f", "services/s/functions/f", "2", "services/s.2/functions/f"),
    ],
)
def test_whoever_names_a_function_as_a_destination_must_be_allowed_to_invoke_it(
    resource: str, name: str, qualifier: str, right: str
) -> None:
    destination = read_destination(f"acs:fc:cn-hangzhou:1:{resource}")
    assert (destination.kind, destination.name, destination.qualifier) == ("fc", name, qualifier)
    assert destination.right == ("fc:InvokeFunction", right)


@pytest.mark.parametrize(
    ("arn", "code", "said"),
    [
        ("acs:mns:r:1:/queues/q/messages", "NotImplemented", "not implemented: destinations of type 'mns'"),
        ("acs:fc:r:1:layers/l", "InvalidArgument", "it names no function"),
        ("arn:fc:r:1:functions/f", "InvalidArgument", "expected acs:fc:"),
        ("f", "InvalidArgument", "expected acs:fc:"),
    ],
)
def test_what_cannot_be_a_destination_is_refused(arn: str, code: str, said: str) -> None:
    with pytest.raises(FcError, match=said) as refused:
        read_destination(arn)
    assert refused.value.code == code
