"""A start with state that it cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.fc.store.code import CodeStore
from localcloud.fc.store.resources import FcStore
from localcloud.kernel.errors import LocalCloudError
from localcloud.state import open_account

DEEP = b"[" * 100_000


def test_an_account_nested_too_deep_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "account.json").write_bytes(DEEP)
    with pytest.raises(LocalCloudError, match=r"account\.json cannot be read"):
        open_account(tmp_path, {})


def test_functions_nested_too_deep_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "functions.json").write_bytes(DEEP)
    with pytest.raises(LocalCloudError, match=r"functions\.json cannot be read"):
        FcStore(tmp_path)


def test_a_file_in_place_of_the_folder_of_code_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "code").write_bytes(b"")
    with pytest.raises(LocalCloudError, match="code"):
        CodeStore(tmp_path / "code")
