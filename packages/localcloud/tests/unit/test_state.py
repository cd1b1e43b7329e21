"""A start with state that it cannot read, and state that is removed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.fc.store.code import CodeStore
from localcloud.fc.store.resources import FcStore
from localcloud.kernel.errors import LocalCloudError
from localcloud.state import empty, is_half_empty, open_account

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


SERVICES = ("oss", "ram")


def fill(data: Path) -> set[str]:
    """Make the state of services and what is not theirs; return the names of the latter."""
    for name in ("oss/data", "ram", "accounts/other", "gateway"):
        (data / name).mkdir(parents=True, exist_ok=True)
        (data / name / "file").touch()
    for name in ("account.json", "clock.json", "of-somebody-else"):
        (data / name).touch()
    return {"gateway", "account.json", "of-somebody-else"}


def test_emptying_removes_the_state_of_services_and_nothing_else(tmp_path: Path) -> None:
    others = fill(tmp_path)
    empty(tmp_path, SERVICES)
    assert {each.name for each in tmp_path.iterdir()} == others
    empty(tmp_path, SERVICES)  # when there is nothing
    assert {each.name for each in tmp_path.iterdir()} == others
    assert not is_half_empty(tmp_path)


def test_emptying_that_was_interrupted_anywhere_can_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    for number in itertools.count(1):
        data, left = tmp_path / str(number), itertools.count(1)

        def is_last(left: Iterator[int] = left, number: int = number) -> None:
            if next(left) == number:
                raise Killed

        others = fill(data)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", _after(is_last, Path.replace))
            patched.setattr(os, "rmdir", _after(is_last, os.rmdir))
            patched.setattr(os, "unlink", _after(is_last, os.unlink))
            try:
                empty(data, SERVICES)
                break  # nothing was interrupted
            except Killed:
                assert is_half_empty(data)
        empty(data, SERVICES)
        assert {each.name for each in data.iterdir()} == others
    assert number > 8


def _after(check: Callable[[], None], call: Callable[..., object]) -> Callable[..., object]:
    def checked(*args: Any, **options: Any) -> object:
        check()
        return call(*args, **options)

    return checked
