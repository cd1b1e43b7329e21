"""Policies and their versions, without HTTP."""

from __future__ import annotations

import pytest

from localcloud.ram import RamError, RamService
from tests.support.identities import (
    FC,
    READ,
    code,
    document,
    may_read,
    session_of,
)


def test_a_version_comes_into_force_only_as_default(reader: RamService) -> None:
    identity = session_of(reader)
    nothing = document(Action="fc:*", Resource="*")
    assert reader.create_policy_version("read-photos", document=nothing, set_as_default=False).version_id == "v2"
    assert may_read(reader, identity)
    reader.create_policy_version("read-photos", document=nothing, set_as_default=True)
    assert not may_read(reader, identity)
    with pytest.raises(RamError) as caught:
        reader.delete_policy_version("read-photos", "v3")
    assert code(caught) == "DeleteConflict.Policy.Version.Default"


def test_a_policy_has_at_most_five_versions(reader: RamService) -> None:
    for _ in range(4):
        reader.create_policy_version("read-photos", document=READ, set_as_default=False)
    with pytest.raises(RamError) as caught:
        reader.create_policy_version("read-photos", document=READ, set_as_default=False)
    assert code(caught) == "LimitExceeded.Policy.Version"
    reader.create_policy_version("read-photos", document=READ, set_as_default=False, drop_oldest=True)
    versions = [version.version_id for version in reader.get_policy("read-photos", "Custom").versions]
    assert versions == ["v1", "v3", "v4", "v5", "v6"], "v1 is in force and stays"


def test_a_policy_document_is_checked_and_bounded(ram: RamService) -> None:
    with pytest.raises(RamError) as caught:
        ram.create_policy("p", document=FC)
    assert code(caught) == "MalformedPolicyDocument"
    with pytest.raises(RamError) as caught:
        ram.create_policy("p", document=READ + " " * 6144)
    assert code(caught) == "InvalidParameter.PolicyDocument.Length"
