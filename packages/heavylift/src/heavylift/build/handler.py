"""The trial of a function: its module is imported with its libraries, as a start does it, before anything is deployed.

An import that fails here fails in the cloud, so it is an error of the build. Other exceptions are told and no more: the build has
neither the function's variables nor its model, and what misses these here may find them there.
"""

from __future__ import annotations

import difflib
import json
import subprocess
from pathlib import Path
from typing import Any

from heavylift.build.clean import run_clean
from heavylift.build.errors import BuildError
from heavylift.build.keeping import keeping
from heavylift.build.sources import LOADER, PACKAGE
from heavylift.build.vendor import NAME as VENDOR

SECONDS = 300  # Function Compute, "Limits": of an initializer at most

_TRIAL = """
import importlib, json, os, pathlib, sys, traceback
code, applib, handler = sys.argv[1:]
name, _, function = handler.rpartition(".")
sys.path.insert(0, code)

def tell(kind, **said):
    print("\\n" + json.dumps({"kind": kind, **said}), flush=True)
    os._exit(0)  # threads of the function's libraries would hold it up

def place(error):
    if isinstance(error, SyntaxError):
        return error.filename, error.lineno
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [each for each in frames if each[0].startswith((code + "/", applib + "/"))]
    users = [each for each in own if not each[0].startswith((applib, code + "/vendor/", code + "/heavylift/"))]
    return (users or own or [(None, None)])[-1]

try:
    from loader import handler, initializer  # what the platform calls; it finds the vendored packages
    from heavylift.runtime.function import add_to_path
    add_to_path(pathlib.Path(applib))
    module = importlib.import_module(name)
except BaseException as error:
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if missing and f"{name}.".startswith(f"{missing}."):
        tell("no module")
    kind = "import" if isinstance(error, (ImportError, SyntaxError)) else "other"
    reason = error.msg if isinstance(error, SyntaxError) else str(error) or repr(error)
    file, line = place(error)
    tell(kind, type=type(error).__name__, reason=reason, missing=missing, file=file and os.path.relpath(file, code), line=line)
found = getattr(module, function, None)
if found is None:
    tell("no function", names=[each for each in vars(module) if callable(getattr(module, each))])
tell("imported" if callable(found) else "no callable", type=type(found).__name__)
"""


def try_handler(
    handler: str, *, code: Path, own: Path, applib: Path, interpreter: Path, requirements: Path
) -> str | None:
    """Import the module of a function, and look for the function in it.

    Args:
        handler: MODULE.FUNCTION.
        code: the code package.
        own: the user's folder, of which it was made: messages name the files there.
        applib: the folder of the libraries.
        interpreter: a Python of the target's version.
        requirements: the file that a message asks to mend.

    Returns:
        A warning where the import ended with an exception that the cloud need not meet; None where all is well.

    Raises:
        BuildError: there is no such module or function, or its imports fail.
    """
    said = _try(handler, code, applib, interpreter)
    where = f"{_shown(said['file'], own)}, line {said['line']}" if said.get("file") else f"handler {handler}"
    module, _, function = handler.rpartition(".")
    match said["kind"]:
        case "no module":
            raise BuildError(f"handler {handler}: the function has no module {module}{_choice(module, _modules(code))}")
        case "no function":
            raise BuildError(f"handler {handler}: {module} has no {function}{_choice(function, said['names'])}")
        case "no callable":
            raise BuildError(f"handler {handler}: {function} in {module} is {said['type']}, and cannot be called")
        case "import":
            if said["missing"]:
                advice = f"add the package that holds it to {requirements}"
            elif said["type"] == "ImportError":
                advice = "mend it, or ask for the version of the package that has it"
            else:
                advice = "mend it"
            raise BuildError(f"the function cannot be imported: {where}: {said['reason']}; {advice}")
        case "other":
            return (
                f"the function was not imported to its end: {where}: {said['type']}: {said['reason']}. The build has neither its "
                "variables nor its model; if it is none of these that it misses, its first request fails like this"
            )
    return None


def _shown(file: str, own: Path) -> str:
    """Return the path of a file of the code package as the user has it."""
    return str(own / file) if (own / file).is_file() else file


def _try(handler: str, code: Path, applib: Path, interpreter: Path) -> dict[str, Any]:
    try:
        arguments = [str(code.resolve()), str(applib.resolve()), handler]
        with keeping(applib) as keep:
            done = run_clean(interpreter, keep + _TRIAL, arguments, folder=code, seconds=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"handler {handler}: its import takes more than {SECONDS} s, and no initializer may"
        ) from error
    try:
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        words = done.stderr.strip().splitlines()[-1:] or [f"the process ended with {done.returncode}"]
        raise BuildError(f"handler {handler}: its import does not return: {words[0]}") from error
    return said


def _modules(code: Path) -> list[str]:
    ours = {LOADER, PACKAGE.name, VENDOR, "__pycache__"}
    return sorted(
        path.stem for path in code.iterdir() if path.name not in ours and (path.is_dir() or path.suffix == ".py")
    )


def _choice(wrong: str, names: list[str]) -> str:
    if close := difflib.get_close_matches(wrong, names, n=1):
        return f"; did you mean {close[0]}?"
    return f"; it has {', '.join(names) or 'none'}: name the handler as MODULE.FUNCTION"
