"""Laws of code packages: whatever bytes come, they are unpacked below their own folder or refused, and a refusal leaves nothing."""

from __future__ import annotations

import io
import tempfile
import warnings
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.fc.errors import FcError
from localcloud.fc.store.code import CodeStore


def package(names: list[str], method: int) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for name in names:
                archive.writestr(name, b"content " * 20)
    return buffer.getvalue()


NAMES = st.lists(st.text("ab/.\\é ", min_size=1, max_size=8), max_size=4)
METHODS = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
CHANGES = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(names=NAMES, method=METHODS, changes=CHANGES)
def test_any_package_is_unpacked_in_its_place_or_refused(
    names: list[str], method: int, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(package(names, method))
    for place, value in changes:
        content[place % len(content)] = value
    with tempfile.TemporaryDirectory() as folder:
        store = CodeStore(Path(folder) / "fc" / "code")
        try:
            store.add(bytes(content))
        except FcError:
            assert not list((Path(folder) / "fc" / "code").iterdir())
        assert {path.name for path in Path(folder).iterdir()} == {"fc"}
        assert {path.name for path in (Path(folder) / "fc").iterdir()} == {"code"}
