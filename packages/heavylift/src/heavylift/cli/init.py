"""`heavylift init`: writes a project to begin with, laid out as heavylift's own: an example's template, and the shared files."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

from heavylift.errors import HeavyliftError

EXAMPLES = ("empty", "palette", "rotate")
ASK = ("heavylift invoke", "asks it")  # the command after a deployment, and what it does
ASK_OTHERS = {"palette": ("heavylift outputs", "names its bucket, where a new photos/NAME gets a palettes/NAME.json")}
TEMPLATES = Path(__file__).parents[1] / "templates"
SHARED = "common"
SETTINGS, ANY_NAME = "cdk.json", '"stackName": "heavylift"'
MAX_NAME = 28  # characters of a stack's name
LEFT_OUT = frozenset({"__pycache__"})  # what Python leaves among the templates when it is run there


def main(options: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        HeavyliftError: a file that it would write is there already, or cannot be written.
    """
    folder: Path = options.folder
    files = template(options.example)
    if there := [name for name in files if (folder / name).exists()]:
        raise HeavyliftError(
            f"{folder.resolve()} holds {', '.join(there)} already, and nothing is overwritten: name another folder, "
            "`heavylift init DIR`"
        )
    try:
        for name, source in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            content = source.read_bytes()
            if name == SETTINGS:
                content = content.replace(ANY_NAME.encode(), f'"stackName": "{stack_name(folder)}"'.encode())
            target.write_bytes(content)
    except OSError as error:
        raise HeavyliftError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    steps = [
        (f"cd {shlex.quote(str(folder))}", "the project"),
        ("heavylift deploy", "builds it; without --cloud REGION it goes to an embedded cloud on this machine"),
        ASK_OTHERS.get(options.example, ASK),
        ("heavylift local stop", "ends the embedded cloud; what is deployed there stays"),
    ]
    begin = 1 if folder.resolve() == Path.cwd() else 0
    print(f"wrote the example {options.example} to {folder.resolve()}: {len(files)} files. Next:")
    for step, does in steps[begin : begin + 3]:
        print(f"  {step:<20}  # {does}")
    return 0


def template(example: str) -> dict[str, Path]:
    """Return the files of an example by their names in a project, in order."""
    found = {
        path.relative_to(root).as_posix(): path
        for root in (TEMPLATES / SHARED, TEMPLATES / example)
        for path in root.rglob("*")
        if path.is_file() and not LEFT_OUT.intersection(path.parts)
    }
    return dict(sorted(found.items()))


def stack_name(folder: Path) -> str:
    """Return the name of a stack after its project's folder: two projects must not deploy to the same stack."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower())[:MAX_NAME].strip("-")
    return name if re.fullmatch(r"[a-z][a-z0-9-]+[a-z0-9]", name) else "heavylift"
