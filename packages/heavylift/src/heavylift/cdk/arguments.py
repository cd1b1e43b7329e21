"""The arguments of a function: read, and checked by themselves and together with its build. Pure.

Limits are those of `heavylift.contracts.platform`, and of the documentation of OSS ("Bucket naming") and RAM ("Limits").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from heavylift.cdk import values
from heavylift.cdk.errors import SettingsError
from heavylift.contracts.manifest import Archive, Build
from heavylift.contracts.platform import (
    DEFAULT_PLATFORM,
    DISKS,
    INITIALIZATION_TIMEOUT,
    LOCAL_PYTHON,
    MAX_CODE,
    MAX_ENVIRONMENT,
    MB,
    MB_PER_CPU,
    MEMORY,
    MINIMUM_INSTANCES,
    RUNTIMES,
    TIMEOUT,
)
from heavylift.runtime.settings import COMPLETE, HANDLER, WHOLE, WORKING_SET

GENERATIONS = ("2.0", "3.0")
LOAD_MODES = (COMPLETE, WORKING_SET, WHOLE)
HEADROOM = 64 * MB  # bytes of disk that a start may need beyond what it unpacks
MAX_NAME = 38  # characters of a function's name; so that role names made of it fit their 64 in every region
LONGEST = {"bucket": "b" * 63, "region": "r" * 16}  # what only the cloud fills in
APPLIB_DIR, MODEL_DIR = "/tmp/applib", "/tmp/model"  # noqa: S108 - an instance's /tmp is its own
OWN_VARIABLES = frozenset(
    {
        *("AppLibObject", "AppLibDir", "AppLibDigest", "ModelObject", "ModelDir", "ModelDigest", "Bucket", "Endpoint"),
        *("AppLibPython", "Region", "HandlerModule", "InitializationTimeout", "LoadMode", "local"),
        "LOCALCLOUD_PYTHON",
    }
)
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
BUCKET_RULE = "3 to 63 small letters, digits and hyphens, no hyphen at the ends"

_NAME = re.compile(rf"[a-z][a-z0-9-]{{1,{MAX_NAME - 2}}}[a-z0-9]")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.:-]+")


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """The arguments of a function and of its build, as `HeavyFunction` describes them; empty where that takes None."""

    code: str = "function"
    requirements: str = "layers_build/applib.txt"
    model: str = ""
    prune_rules: tuple[str, ...] = ()
    lazy_imports: tuple[str, ...] = ()
    recordings: str = ""
    dist: str = ""
    handler: str = "index.handler"
    generation: str = "2.0"
    runtime: str = "python3.10"
    memory: int = 3072
    cpu: float = 2.0
    disk: int = 10240
    timeout: int = 300
    initializer: bool = True
    initialization_timeout: int = 300
    load_mode: str = COMPLETE
    minimum_instances: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    endpoint: str = ""
    read_prefixes: tuple[str, ...] = ()
    write_prefixes: tuple[str, ...] = ()
    logs: bool = False
    artifacts_bucket: str = ""


READERS: Mapping[str, values.Reader] = {
    "code": values.path,
    "requirements": values.path,
    "model": values.path,
    "prune_rules": values.paths,
    "lazy_imports": values.packages,
    "recordings": values.path,
    "dist": values.path,
    "handler": values.text(HANDLER, "MODULE.FUNCTION of your own code, such as index.handler"),
    "generation": values.choice(*GENERATIONS),
    "runtime": values.choice(*RUNTIMES),
    "memory": values.integer(MEMORY, "MB"),
    "cpu": values.cpu,
    "disk": values.integer(DISKS, "MB"),
    "timeout": values.integer(TIMEOUT, "seconds"),
    "initializer": values.flag,
    "initialization_timeout": values.integer(INITIALIZATION_TIMEOUT, "seconds"),
    "load_mode": values.choice(*LOAD_MODES),
    "minimum_instances": values.integer(MINIMUM_INSTANCES, "instances"),
    "environment": values.environment,
    "endpoint": values.text(_ENDPOINT, "a URL such as https://oss-cn-hangzhou.aliyuncs.com", optional=True),
    "read_prefixes": values.prefixes,
    "write_prefixes": values.prefixes,
    "logs": values.flag,
    "artifacts_bucket": values.text(BUCKET, BUCKET_RULE, optional=True),
}
OPTIONAL = ("model", "recordings", "dist", "environment")  # where None says that there is none
LISTS = tuple(name for name, read in READERS.items() if read in (values.paths, values.prefixes, values.packages))
read_name = values.text(_NAME, f"3 to {MAX_NAME} small letters, digits and hyphens, beginning with a letter")


def read_arguments(given: Mapping[str, object]) -> tuple[FunctionSettings, list[str]]:
    """Read and check the arguments of a function.

    Args:
        given: names and values.

    Returns:
        The arguments, with its default for each that is wrong, and a sentence for each problem: argument, value, what is allowed.
    """
    texts = {name: value for name, value in given.items() if name in LISTS and isinstance(value, str)}
    others = {name: value for name, value in given.items() if name not in texts}
    found, problems = read_each(others, {name: (name, read) for name, read in READERS.items()})
    settings = FunctionSettings(**found)  # type: ignore[arg-type]  # each reader returns its attribute's type
    lists = [
        f"{name}: {values.shown(value)} is one text, and no list; write [{value!r:.100}]"
        for name, value in texts.items()
    ]
    return settings, [*lists, *problems, *check_function(settings, given.keys() - found.keys())]


def read_each(
    given: Mapping[str, object], readers: Mapping[str, tuple[str, values.Reader]]
) -> tuple[dict[str, object], list[str]]:
    """Read values; return them by attribute, and a sentence for each that is wrong.

    Args:
        given: what there is to read, by names that have readers.
        readers: attribute and reader of each name.
    """
    found: dict[str, object] = {}
    problems: list[str] = []
    for name, value in given.items():
        attribute, read = readers[name]
        try:
            found[attribute] = read(value)
        except ValueError as error:
            problems.append(f"{name}: {values.shown(value)} {error}")
    return found, problems


def fail(problems: Iterable[str]) -> None:
    """Raise all problems at once, if there are any.

    Raises:
        SettingsError: lists them.
    """
    found = list(problems)
    if found:
        raise SettingsError(found)


def function_environment(settings: FunctionSettings, build: Build, *, bucket: str, region: str) -> dict[str, str]:
    """Return all variables of the function (docs/reference/contracts.md, section 3).

    Args:
        settings: the function's.
        build: the archives to load.
        bucket: the bucket's name.
        region: the region's id.
    """
    built_for = f"python{build.target.python}"
    return {
        **settings.environment,
        # Only the embedded cloud has another Python for a runtime.
        **({"LOCALCLOUD_PYTHON": built_for} if built_for != settings.runtime else {}),
        "AppLibObject": build.applib.key,
        "AppLibDir": APPLIB_DIR,
        "AppLibDigest": build.applib.digest,
        "AppLibPython": build.target.python,
        **_model_variables(build.model),
        "Bucket": bucket,
        "Endpoint": settings.endpoint or f"https://oss-{region}-internal.aliyuncs.com",
        "Region": region,
        "HandlerModule": settings.handler,
        "InitializationTimeout": str(settings.initialization_timeout),
        **({"LoadMode": settings.load_mode} if settings.load_mode != COMPLETE else {}),
    }


def _model_variables(model: Archive | None) -> dict[str, str]:
    return {"ModelObject": model.key, "ModelDir": MODEL_DIR, "ModelDigest": model.digest} if model else {}


# Checks of values that only make sense together


def check_function(settings: FunctionSettings, wrong: Collection[str] = ()) -> list[str]:
    """Return a sentence for each problem of a function that does not depend on its build.

    Args:
        settings: of the function.
        wrong: the attributes that could not be read; what depends on these is not checked.
    """
    checks = ((_check_cpu, {"cpu", "memory"}), (_check_minimum, {"initializer", "minimum_instances"}))
    problems = [problem for check, needed in checks if not needed & set(wrong) for problem in check(settings)]
    return [*problems, *check_variables(settings.environment)]


def check_variables(names: Iterable[str]) -> list[str]:
    """Return a sentence for each variable of the user's that is not the user's to set."""
    return [
        f"environment: {name} is set by the stack itself, from its settings and the build; remove it"
        for name in names
        if name in OWN_VARIABLES
    ]


def check_build(settings: FunctionSettings, build: Build, *, local_build: bool, unchecked: bool) -> list[str]:
    """Return a sentence for each problem of a function with its build.

    Args:
        settings: of the function.
        build: what is deployed.
        local_build: archives for the Python of this environment, which the embedded cloud has, are accepted for any runtime.
        unchecked: archives that no Python has imported are accepted.
    """
    return [
        *_check_disk(settings, build),
        *_check_code(build),
        *_check_target(settings, build, local_build=local_build),
        *([] if build.applib.imported or unchecked or local_build else [_not_imported(build)]),
        *_check_size(settings, build),
    ]


def check_loop(write_prefixes: Iterable[str], events: str, *, names: tuple[str, str], advice: str) -> list[str]:
    """Return a sentence for each prefix that a function writes under and that starts it.

    Args:
        write_prefixes: of what it writes.
        events: prefix of the objects that start it.
        names: of the two, for the message.
        advice: what can be done beside choosing other prefixes; empty: nothing.
    """
    return [
        f"{names[0]}: {prefix!r} overlaps {names[1]}: {events!r}, so what the function writes would start it again, "
        f"without end: choose prefixes apart from each other{advice}"
        for prefix in write_prefixes
        if prefix.startswith(events) or events.startswith(prefix)
    ]


def _check_size(settings: FunctionSettings, build: Build) -> list[str]:
    size = _size(function_environment(settings, build, **LONGEST))
    if size <= MAX_ENVIRONMENT:
        return []
    return [
        f"environment: {_size(settings.environment)} bytes, with the stack's own variables up to {size}; allowed are "
        f"{MAX_ENVIRONMENT}: shorten it by {size - MAX_ENVIRONMENT} bytes, or put the data into an object"
    ]


def _check_cpu(settings: FunctionSettings) -> list[str]:
    low, high = (int(settings.cpu * share) for share in MB_PER_CPU)
    if low <= settings.memory <= high:
        return []
    return [
        f"cpu: {settings.cpu:g} vCPU with memory: {settings.memory} MB; a vCPU goes with 1 to 4 GB: set memory from "
        f"{low} to {high}, or cpu from {settings.memory / MB_PER_CPU[1]:.2f} to {settings.memory / MB_PER_CPU[0]:.2f}"
    ]


def _check_minimum(settings: FunctionSettings) -> list[str]:
    if settings.initializer or not settings.minimum_instances:
        return []
    return [
        f"minimum_instances: {settings.minimum_instances} without initializer; instances that are started ahead would load "
        "with their first request all the same: set initializer to true, or minimum_instances to 0"
    ]


def _check_disk(settings: FunctionSettings, build: Build) -> list[str]:
    needed = -(-(build.unpacked + HEADROOM) // MB)
    if settings.disk >= needed:
        return []
    advice = f"set {DISKS[1]}" if needed <= DISKS[1] else "shorten the requirements; no instance has more disk"
    return [f"disk: {settings.disk} MB, but the archives need {needed} MB unpacked: {advice}"]


def _check_code(build: Build) -> list[str]:
    if build.code.packed <= MAX_CODE:
        return []
    return [
        f"the code package has {build.code.packed:,} bytes zipped, allowed are {MAX_CODE:,}: move libraries "
        "to the applib's requirements, data to the model, and build again"
    ]


def _check_target(settings: FunctionSettings, build: Build, *, local_build: bool) -> list[str]:
    runtime, python = RUNTIMES[settings.runtime], build.target.python
    wanted = runtime.target.python
    if runtime.runs(build.target) or (local_build and python in (wanted, LOCAL_PYTHON)):
        return []
    problem = (
        f"runtime: {runtime.name} is Python {wanted} on x86_64 with glibc 2.{runtime.glibc}, but the archives were built "
        f"for Python {python} on {build.target.platform}: run `heavylift build --python {wanted} --platform "
        f"{DEFAULT_PLATFORM}`"
    )
    if python != wanted and f"python{python}" in RUNTIMES:
        problem += f", or set runtime=python{python}"
    if not local_build and python == LOCAL_PYTHON:
        problem += "; only for the embedded cloud, which can run the Python of this environment, set localBuild=true"
    return [problem]


def _not_imported(build: Build) -> str:
    python = build.target.python
    return (
        f"unchecked: no Python {python} has imported these libraries, so nobody knows whether they work: put a "
        f"python{python} on PATH, or let uv or pyenv install one, and build again; to deploy them as they are, say "
        "`heavylift deploy --unchecked`, or set unchecked=true"
    )


def _size(variables: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
