"""The build of a function, made when the app runs and its inputs have changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from heavylift.build.build import build
from heavylift.build.machine import default_python
from heavylift.build.options import FUNCTIONS, Exporter, Options, project_cache
from heavylift.build.reporter import Reporter
from heavylift.cdk.arguments import FunctionSettings, fail
from heavylift.cdk.errors import InfraError
from heavylift.cdk.facts import Facts
from heavylift.contracts.manifest import Build, read_build
from heavylift.contracts.platform import DEFAULT_PLATFORM, RUNTIMES, Target

OUTPUT = Path("dist")  # for a function's own build, which lies there or in a folder of it
EXPORT = "export_model"
UNRESOLVED = "${Token["  # ros-cdk-core, "encoding.js"


def plan_build(settings: FunctionSettings, facts: Facts, *, output: Path) -> Callable[[], Build]:
    """Return what gives the build of a function: the one that it names, else its own, brought up to date.

    What is returned shows its steps on stderr. It raises BuildError when a part cannot be built, or is over a limit of the
    platform; the last build stays as it was then.

    Args:
        settings: of the function; paths begin at the working folder.
        facts: for whom, and how.
        output: the folder for a build of its own.

    Raises:
        SettingsError: files that the arguments name are not there; all of them at once.
        ManifestError: nothing was built there that can be deployed.
    """
    if settings.dist:
        made = read_build(Path(settings.dist))
        return lambda: _warned(made)
    exporter = None
    problems = list(_find_missing(settings))
    if settings.model.endswith(".py"):
        try:
            exporter = load_exporter(Path(settings.model))
        except InfraError as error:
            problems.append(str(error))
    fail(problems)
    return lambda: _warned(_own_build(settings, facts, output, exporter))


def _find_missing(settings: FunctionSettings) -> Iterator[str]:
    """Yield a sentence for each file or folder that the arguments name and that is not there."""
    if not Path(settings.code).is_dir():
        yield f"code: there is no folder {settings.code}; name the one with your function"
    if not Path(settings.requirements).is_file():
        yield (
            f"requirements: there is no file {settings.requirements}; write one requirement a line into it, or name another file"
        )
    if settings.model and not settings.model.endswith(".py"):
        if not Path(settings.model).is_dir():
            yield f"model: there is no folder {settings.model}; name that of a model, or a Python file with `{EXPORT}`"
        elif not any(Path(settings.model).iterdir()):
            yield f"model: the folder {settings.model} is empty; put the model into it"
    for rules in settings.prune_rules:
        if not Path(rules).is_file():
            yield f"prune_rules: there is no file {rules}"


def _warned(made: Build) -> Build:
    if not made.applib.imported:
        python = made.target.python
        _reporter().plain(
            f"WARNING: no Python {python} has imported these libraries: put a python{python} on PATH, or let uv or pyenv install "
            "one, and build again"
        )
    return made


def _reporter() -> Reporter:
    return Reporter(sys.stderr, brief=True)


def _own_build(settings: FunctionSettings, facts: Facts, output: Path, exporter: Exporter | None) -> Build:
    report, root = _reporter(), Path.cwd()
    options = Options(
        root=root,
        target=Target(_python(settings, facts, report), facts.platform or DEFAULT_PLATFORM),
        requirements=Path(settings.requirements),
        model=Path(settings.model) if settings.model and not exporter else None,
        export=exporter,
        code=Path(settings.code),
        handler=settings.handler,
        prune_rules=tuple(map(Path, settings.prune_rules)),
        lazy_imports=settings.lazy_imports,
        recordings=Path(settings.recordings) if settings.recordings else None,
        record=None if facts.record is None else tuple(map(Path, facts.record)),
        # What only the cloud knows, such as an attribute of a resource, is a token of the CDK's here.
        environment={name: value for name, value in settings.environment.items() if UNRESOLVED not in value},
        prune=facts.prune,
        strip=facts.strip,
        output=root / output,
        work=project_cache(root) / FUNCTIONS / "-".join(output.relative_to(OUTPUT).parts) if output != OUTPUT else None,
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
