"""The export of a model by a function of the user's, which may do anything."""

from __future__ import annotations

import os
import shutil
import traceback
from pathlib import Path

from heavylift.build.errors import BuildError
from heavylift.build.options import Exporter


def export_model(export: Exporter, applib: Path, interpreter: Path, target: Path, requirements: Path) -> None:
    """Have a model written into a folder, which is there when all of it is.

    Args:
        export: the function that writes it.
        applib: the folder of the libraries.
        interpreter: the Python that they are built for.
        target: the folder; its parent is there.
        requirements: the file that lists the libraries, for a message.

    Raises:
        BuildError: the function raised an exception, or wrote no folder; the message says where.
    """
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        export(applib, interpreter, fresh)
    except Exception as error:  # whatever a user's function raises
        raise BuildError(
            f"the model cannot be exported with what {requirements} asks for: {_told(error)}; mend it, or name the folder of a "
            "model of your own as `model`"
        ) from error
    if not fresh.is_dir():
        raise BuildError(
            "the model cannot be exported: `export_model` wrote no folder to the path that is its third argument"
        )
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def _told(error: Exception) -> str:
    """Return an exception for a message, with the line of the user's file where it came from."""
    if isinstance(error, BuildError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is this module's
    lines = [
        f"{os.path.relpath(each.filename)}, line {each.lineno}: "
        for each in frames
        if each.filename == frames[0].filename
    ]
    return f"{''.join(lines[-1:])}{type(error).__name__}: {error}"
