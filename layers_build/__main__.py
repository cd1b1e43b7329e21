"""`python -m layers_build`: package the libraries, the model and the code of a function.

Without options it makes the build that a deployment makes by itself, of the project in the working folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from heavylift.build.build import build
from heavylift.build.machine import default_python
from heavylift.build.options import PARTS, Options
from heavylift.build.reporter import Reporter
from heavylift.cdk.arguments import READERS, FunctionSettings, fail, read_each
from heavylift.clouds.assembly import read_project
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, RUNTIMES, Target
from heavylift.errors import HeavyliftError
from layers_build.model import export_model

OF_THE_APP = ("requirements", "model", "code", "handler", "prune", "no_prune", "no_strip")  # options that it has, too


def main(arguments: list[str] | None = None) -> int:
    """Run one build and return the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="layers_build", description="Package libraries, model and code of a function."
    )
    parser.add_argument("part", nargs="?", default="all", choices=[*PARTS, "all"], help="what to build (default: all)")
    parser.add_argument(
        "--python",
        metavar="X.Y",
        help="of the target (default: the runtime's of cdk.json, if it is here; else this one)",
    )
    parser.add_argument(
        "--platform", default=DEFAULT_PLATFORM, metavar="TAG", help="of the target (default: %(default)s)"
    )
    parser.add_argument(
        "--requirements", type=Path, metavar="FILE", help="of the applib (default: layers_build/applib.txt)"
    )
    parser.add_argument(
        "--model", type=Path, metavar="FOLDER", help="a model of your own (default: what model.py exports)"
    )
    parser.add_argument("--code", type=Path, metavar="FOLDER", help="a function of your own (default: function)")
    parser.add_argument(
        "--handler",
        default="index.handler",
        metavar="MODULE.FUNCTION",
        help="which the build tries (default: %(default)s)",
    )
    parser.add_argument(
        "--prune", type=Path, action="append", default=[], metavar="FILE", help="more prune rules (TOML)"
    )
    parser.add_argument("--no-prune", action="store_true", help="keep every file")
    parser.add_argument("--no-strip", action="store_true", help="keep the symbols of shared libraries")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to (default: dist)")
    given = parser.parse_args(arguments)
    apart = [name for name in OF_THE_APP if getattr(given, name) != parser.get_default(name)]
    try:
        build(_options(given), Reporter())
        context = _app_context()
        if apart and given.output is None and context is not None and not context.get("dist"):
            words = ", ".join(f"--{name.replace('_', '-')}" for name in apart)
            print(
                f"build: a deployment makes dist anew, as the app says and without {words}; to deploy this build, write it to a "
                "folder of its own with --output FOLDER, and set `dist` to that folder in cdk.json"
            )
    except HeavyliftError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("build: interrupted; the last build is as it was", file=sys.stderr)
        return 130
    return 0


def _options(given: argparse.Namespace) -> Options:
    return Options(
        root=Path.cwd(),
        parts=PARTS if given.part == "all" else (given.part,),
        target=Target(given.python or _default_python(), given.platform),
        requirements=given.requirements,
        model=given.model,
        export=export_model,
        code=given.code,
        handler=given.handler,
        prune_rules=given.prune,
        lazy_imports=_lazy_imports(),
        prune=not given.no_prune,
        strip=not given.no_strip,
        output=given.output,
    )


def _app_context() -> Mapping[str, object] | None:
    """Return the settings of the project's app; None when there is no app."""
    return read_project(Path()).context if Path("cdk.json").exists() else None


def _lazy_imports() -> tuple[str, ...]:
    context = _app_context() or {}
    given = {"lazyImports": context["lazyImports"]} if "lazyImports" in context else {}
    found, problems = read_each(given, {"lazyImports": ("lazy_imports", READERS["lazy_imports"])})
    fail(problems)
    return FunctionSettings(**found).lazy_imports  # type: ignore[arg-type]  # its reader returns the attribute's type


def _default_python() -> str:
    context = _app_context()
    if context is None:
        return LOCAL_PYTHON
    runtime = context.get("runtime", FunctionSettings.runtime)
    return default_python(runtime) if isinstance(runtime, str) and runtime in RUNTIMES else LOCAL_PYTHON


if __name__ == "__main__":
    sys.exit(main())
