"""A function together with its build: the variables that it gets, and what of the build does not fit it. Pure.

Limits are those of `heavylift.contracts.platform`.
"""

from __future__ import annotations

from collections.abc import Mapping

from heavylift.cdk.arguments import FunctionSettings
from heavylift.contracts.manifest import Archive, Build
from heavylift.contracts.platform import (
    DEFAULT_PLATFORM,
    DISKS,
    LOCAL_PYTHON,
    MAX_CODE,
    MAX_ENVIRONMENT,
    MB,
    RUNTIMES,
)
from heavylift.runtime.settings import APPLIB_DIR, COMPLETE, MODEL_DIR

HEADROOM = 64 * MB  # bytes of disk that a start may need beyond what it unpacks
LONGEST = {"bucket": "b" * 63, "region": "r" * 16}  # what only the cloud fills in


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


def _check_size(settings: FunctionSettings, build: Build) -> list[str]:
    size = _size(function_environment(settings, build, **LONGEST))
    if size <= MAX_ENVIRONMENT:
        return []
    return [
        f"environment: {_size(settings.environment)} bytes, with the stack's own variables up to {size}; allowed are "
        f"{MAX_ENVIRONMENT}: shorten it by {size - MAX_ENVIRONMENT} bytes, or put the data into an object"
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
