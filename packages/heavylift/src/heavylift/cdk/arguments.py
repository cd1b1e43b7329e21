"""The arguments of a function: read and checked, what `heavylift.cdk.built` checks with its build apart. Pure.

Limits are those of `heavylift.contracts.platform`, and of the documentation of OSS ("Bucket naming") and RAM ("Limits").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from heavylift.cdk import values
from heavylift.cdk.errors import SettingsError
from heavylift.contracts.platform import (
    DISKS,
    INITIALIZATION_TIMEOUT,
    MB_PER_CPU,
    MEMORY,
    MINIMUM_INSTANCES,
    RUNTIMES,
    TIMEOUT,
)
from heavylift.runtime.settings import BUCKET_NAME, COMPLETE, HANDLER, WHOLE, WORKING_SET

GENERATIONS = ("2.0", "3.0")
LOAD_MODES = (COMPLETE, WORKING_SET, WHOLE)
MAX_NAME = 38  # characters of a function's name; so that role names made of it fit their 64 in every region
OWN_VARIABLES = frozenset(
    {
        *("AppLibObject", "AppLibDir", "AppLibDigest", "ModelObject", "ModelDir", "ModelDigest", "Bucket", "Endpoint"),
        *("AppLibPython", "Region", "HandlerModule", "InitializationTimeout", "LoadMode", "local"),
        "LOCALCLOUD_PYTHON",
    }
)
BUCKET = re.compile(BUCKET_NAME)
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
