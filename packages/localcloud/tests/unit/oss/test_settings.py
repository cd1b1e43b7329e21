"""The table of bucket settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.kernel.xml import render, serialize
from localcloud.oss.api.routes import OPERATIONS
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings import PUBLIC_ACCESS_BLOCK, SETTINGS, Setting, blocks_public_access
from localcloud.oss.xml import parse

BUCKET = Bucket(name="b", owner="1", created=0.0, acl="private", storage_class="Standard")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.parameter))
def test_a_row_makes_three_operations_with_rights_of_their_own(setting: Setting) -> None:
    actions = [OPERATIONS[method, "bucket"][setting.parameter].action for method in ("GET", "PUT", "DELETE")]
    assert actions == [f"Get{setting.action}", f"Put{setting.action}", f"Delete{setting.action}"]


def test_a_row_cannot_name_an_error_that_oss_does_not_have() -> None:
    with pytest.raises(AssertionError):
        replace(SETTINGS[0], absent="NoSuchCode")


@pytest.mark.parametrize(("written", "blocks"), [("true", True), ("True", True), ("false", False), ("False", False)])
def test_a_public_access_block_is_read_as_any_client_writes_it(written: str, blocks: bool) -> None:
    document = parse(render(PUBLIC_ACCESS_BLOCK.root, {"BlockPublicAccess": written}), PUBLIC_ACCESS_BLOCK.root)
    PUBLIC_ACCESS_BLOCK.check(document)
    kept = replace(BUCKET, settings={PUBLIC_ACCESS_BLOCK.parameter: serialize(document)})
    assert blocks_public_access(kept) is blocks


def test_a_public_access_block_that_says_neither_is_refused() -> None:
    document = parse(render(PUBLIC_ACCESS_BLOCK.root, {"BlockPublicAccess": "perhaps"}), PUBLIC_ACCESS_BLOCK.root)
    with pytest.raises(OssError, match="MalformedXML"):
        PUBLIC_ACCESS_BLOCK.check(document)


def test_without_a_public_access_block_nothing_is_blocked() -> None:
    assert not blocks_public_access(BUCKET)
