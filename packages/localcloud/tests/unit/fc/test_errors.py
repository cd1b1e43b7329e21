"""Errors of Function Compute's API."""

from __future__ import annotations

import pytest

from localcloud.fc.errors import FcError


def test_a_code_has_its_status_and_an_unknown_one_is_refused_when_the_error_is_made() -> None:
    assert FcError("FunctionNotFound", "no").status == 404
    with pytest.raises(ValueError, match="NoSuchThing is not among the codes of FcError"):
        FcError("NoSuchThing", "no")
