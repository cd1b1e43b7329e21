"""The build of a function, made when the app runs and its inputs have changed."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from heavylift.build.build import build
from heavylift.build.machine import default_python
from heavylift.build.options import Exporter, Options
from heavylift.build.reporter import Reporter
from heavylift.cdk.arguments import FunctionSettings
from heavylift.cdk.errors import InfraError
from heavylift.cdk.facts import Facts
from heavylift.contracts.manifest import Build, read_build
from heavylift.contracts.platform import DEFAULT_PLATFORM, RUNTIMES, Target

OUTPUT = Path("dist")  # for a function's own build, which lies there or in a folder of it
CACHE = Path(".cache") / "heavylift" / "functions"
EXPORT = "export_model"


def make_build(settings: FunctionSettings, facts: Facts, *, output: Path) -> Build:
    """Return the build of a function: the one that it names, else its own, brought up to date. Steps are shown on stderr.

    Args:
        settings: of the function; paths begin at the working folder.
        facts: for whom, and how.
        output: the folder for a build of its own.

    Raises:
        InfraError: there is no such model.
        BuildError: a part cannot be built, or is over a limit of the platform; the last build stays as it was.
        ManifestError: nothing was built there that can be deployed.
    """
    report = Reporter(sys.stderr, brief=True)
    made = read_build(Path(settings.dist)) if settings.dist else _own_build(settings, facts, output, report)
    if not made.applib.imported:
        python = made.target.python
        report.plain(
            f"WARNING: no Python {python} has imported these libraries: put a python{python} on PATH, or let uv or pyenv install "
            "one, and build again"
        )
    return made


def _own_build(settings: FunctionSettings, facts: Facts, output: Path, report: Reporter) -> Build:
    model = Path(settings.model) if settings.model else None
    exporter = load_exporter(model) if model and model.suffix == ".py" else None
    root = Path.cwd()
    options = Options(
        root=root,
        target=Target(_python(settings, facts, report), facts.platform or DEFAULT_PLATFORM),
        requirements=Path(settings.requirements),
        model=None if exporter else model,
        export=exporter,
        code=Path(settings.code),
        handler=settings.handler,
        prune_rules=tuple(map(Path, settings.prune_rules)),
        lazy_imports=settings.lazy_imports,
        recordings=Path(settings.recordings) if settings.recordings else None,
        record=None if facts.record is None else tuple(map(Path, facts.record)),
        environment=settings.environment,
        prune=facts.prune,
        strip=facts.strip,
        output=root / output,
        work=root / CACHE / output.name if output != OUTPUT else None,
    )
    build(options, report)
    return read_build(root / output)


def _python(settings: FunctionSettings, facts: Facts, report: Reporter) -> str:
    wanted = RUNTIMES[settings.runtime].target.python
    python = facts.python or (default_python(settings.runtime) if facts.local_build else wanted)
    if python != wanted and not facts.python:
        report.plain(
            f"there is no Python {wanted} here: this build is for Python {python}, on which the embedded cloud runs it instead; "
            f"put a python{wanted} on PATH, or let uv or pyenv install one, to build what a region runs"
        )
    return python


def load_exporter(path: Path) -> Exporter:
    """Return the function of a Python file that writes the model.

    Raises:
        InfraError: there is no such file, it cannot be loaded, or it has no such function.
    """
    spec = spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InfraError(f"model: there is no file {path}; name one with `{EXPORT}`, or the folder of a model")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's module does
        raise InfraError(f"model: {path} cannot be loaded ({type(error).__name__}: {error})") from error
    exporter: Exporter | None = getattr(module, EXPORT, None)
    if exporter is None:
        raise InfraError(
            f"model: {path} has no `{EXPORT}(applib, interpreter, target)`, which writes the model to a folder"
        )
    return exporter
