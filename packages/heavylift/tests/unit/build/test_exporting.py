"""The export of a model by a function of the user's: what goes wrong in it is told with its line, and leaves no half model."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from heavylift.build.errors import BuildError
from heavylift.build.exporting import export_model


def export(folder: Path, content: str) -> Path:
    """Export with a file of such a content; return where the model is then."""
    file, target = folder / "model.py", folder / "model"
    file.write_text(content)
    function = runpy.run_path(str(file))["export_model"]
    export_model(function, folder, folder, target, Path("applib.txt"))
    return target


def test_a_model_is_there_when_all_of_it_is(tmp_path: Path) -> None:
    text = (
        "def export_model(applib, interpreter, target):\n    target.mkdir()\n    (target / 'weights').write_text('1')\n"
    )
    for _ in range(2):
        assert [path.name for path in export(tmp_path, text).iterdir()] == ["weights"]
    failing = text + "    raise ValueError('no more weights')\n"
    with pytest.raises(
        BuildError, match=r"model\.py, line 4: ValueError: no more weights; mend it, or name the folder"
    ):
        export(tmp_path, failing)
    assert (tmp_path / "model" / "weights").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "import json\ndef export_model(applib, interpreter, target):\n    json.loads('{')\n",
            "model.py, line 3: JSON",
        ),
        ("def export_model(applib):\n    pass\n", "asks for: TypeError: export_model() takes 1 positional argument"),
        ("def export_model(applib, interpreter, target):\n    pass\n", "`export_model` wrote no folder"),
    ],
)
def test_an_export_that_fails_is_told_with_its_line_and_leaves_nothing(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(BuildError) as caught:
        export(tmp_path, content)
    assert said in str(caught.value)
    assert not (tmp_path / "model").exists()
