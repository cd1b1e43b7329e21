"""The settings of the stack: read from the context (cdk.json, `-c key=value`), checked before anything is synthesized.

Pure: context and build in, settings or all problems at once out. Limits are those of `heavylift.contracts.platform`, and of the
documentation of OSS ("Bucket naming") and RAM ("Limits").
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from heavylift.cdk.errors import SettingsError
from heavylift.contracts.manifest import Archive, Build
from heavylift.contracts.platform import (
    CPU_SHARE,
    CPU_SHARES,
    DEFAULT_PLATFORM,
    DISKS,
    INITIALIZATION_TIMEOUT,
    LOCAL_PYTHON,
    MAX_CODE,
    MAX_ENVIRONMENT,
    MB,
    MB_PER_CPU,
    MEMORY,
    RESERVED_VARIABLES,
    RUNTIMES,
    TIMEOUT,
)

GENERATIONS = ("2.0", "3.0")
HEADROOM = 64 * MB  # bytes of disk that a start may need beyond what it unpacks
MAX_STACK_NAME = 28  # characters; so that bucket and role names made of it fit their 63 and 64 in every region
LONGEST = {"bucket": "b" * 63, "region": "r" * 16}  # what only the cloud fills in
APPLIB_DIR, MODEL_DIR = "/tmp/applib", "/tmp/model"  # noqa: S108 - an instance's /tmp is its own
OWN_VARIABLES = frozenset(
    {
        *("AppLibObject", "AppLibDir", "AppLibDigest", "ModelObject", "ModelDir", "ModelDigest", "Bucket", "Endpoint"),
        *("AppLibPython", "Region", "HandlerModule", "InitializationTimeout", "local"),
        "LOCALCLOUD_PYTHON",
    }
)

_STACK_NAME = re.compile(rf"[a-z][a-z0-9-]{{1,{MAX_STACK_NAME - 2}}}[a-z0-9]")
_ACCOUNT = re.compile(r"\d{16}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_QUALIFIER = re.compile(r"[a-z0-9]{4,20}")
_HANDLER = re.compile(r"[A-Za-z_][\w.]*\.[A-Za-z_]\w*")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PREFIX = re.compile(r"[^/*?\\\s][^*?\\\s]{0,500}")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.:-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the stack is made of; the attributes carry the names of the settings (`stackName` is `stack_name`).

    Attributes:
        stack_name: of the stack, and what its resources' names begin with.
        account: the account's number; makes the asset bucket's name the account's own.
        qualifier: names the asset bucket, `cdk-QUALIFIER-assets-REGION`; empty: from account and stack name.
        bucket_name: of the bucket; empty: `STACK-ACCOUNT-REGION`.
        retain_bucket: the bucket and its objects stay when the stack is destroyed.
        artifacts_bucket: where `heavylift push` put the archives; empty: they are uploaded with each deployment.
        generation: of Function Compute: 2.0 (service and function) or 3.0 (function alone).
        runtime: python3.10 or python3.12.
        local_build: archives for the Python of this environment, which the embedded cloud has, are accepted for any runtime.
        unchecked: archives that no Python has imported are accepted.
        memory: MB.
        cpu: vCPU.
        disk: MB.
        timeout: seconds a request may take.
        initializer: whether the platform calls the loader before the first request; without, the first request loads.
        initialization_timeout: seconds a start may take.
        handler_module: the user's function, `MODULE.FUNCTION`.
        environment: variables for the user's function.
        endpoint: URL of OSS as the function sees it; empty: the region's internal endpoint.
        trigger: whether a new object under `events_prefix` invokes the function.
        events_prefix: of the objects that do.
        read_prefixes: of the objects that the function may read, apart from its archives.
        write_prefixes: of the objects that it may write.
        logs: whether the function logs to a log project.
    """

    stack_name: str = "heavylift"
    account: str = ""
    qualifier: str = ""
    bucket_name: str = ""
    retain_bucket: bool = False
    artifacts_bucket: str = ""
    generation: str = "2.0"
    runtime: str = "python3.10"
    local_build: bool = False
    unchecked: bool = False
    memory: int = 3072
    cpu: float = 2.0
    disk: int = 10240
    timeout: int = 300
    initializer: bool = True
    initialization_timeout: int = 300
    handler_module: str = "index.handler"
    environment: Mapping[str, str] = field(default_factory=dict)
    endpoint: str = ""
    trigger: bool = True
    events_prefix: str = "incoming/"
    read_prefixes: tuple[str, ...] = ("incoming/", "rotated/", "picture")
    write_prefixes: tuple[str, ...] = ("rotated/", "picture")
    logs: bool = False

    @property
    def asset_qualifier(self) -> str:
        """What makes the asset bucket's name the stack's own: the same for every synth."""
        return self.qualifier or hashlib.sha256(f"{self.account} {self.stack_name}".encode()).hexdigest()[:12]


def read_settings(context: Mapping[str, object], build: Build) -> Settings:
    """Read and check the settings.

    Args:
        context: names and values; those of `-c` are text. Names with a colon or an at sign belong to the CDK.
        build: what is deployed.

    Raises:
        SettingsError: lists every problem: setting, value, what is allowed, what to do.
    """
    problems: list[str] = []
    values: dict[str, object] = {}
    for name, given in context.items():
        if name not in _READERS:
            problems += _unknown(name)
            continue
        attribute, read = _READERS[name]
        try:
            values[attribute] = read(given)
        except ValueError as error:
            problems.append(f"{name}: {_shown(given)} {error}")
    if not problems:
        settings = Settings(**values)  # type: ignore[arg-type]  # each reader returns its attribute's type
        problems = [problem for check in _CHECKS for problem in check(settings, build)]
    if problems:
        raise SettingsError(problems)
    return settings


def function_environment(settings: Settings, build: Build, *, bucket: str, region: str) -> dict[str, str]:
    """Return all variables of the function (docs/reference/contracts.md, section 3).

    Args:
        settings: the stack's.
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
        "HandlerModule": settings.handler_module,
        "InitializationTimeout": str(settings.initialization_timeout),
    }


def _model_variables(model: Archive | None) -> dict[str, str]:
    return {"ModelObject": model.key, "ModelDir": MODEL_DIR, "ModelDigest": model.digest} if model else {}


# Checks of values that only make sense together


def _check_account(settings: Settings, _build: Build) -> list[str]:
    if settings.account or settings.qualifier:
        return []
    return [
        "account: not set; the asset bucket is named after it, because bucket names are unique across all accounts: set the "
        "16 digits that the console shows at its top right (-c account=…); `heavylift` does it by itself"
    ]


def _check_cpu(settings: Settings, _build: Build) -> list[str]:
    low, high = (int(settings.cpu * share) for share in MB_PER_CPU)
    if low <= settings.memory <= high:
        return []
    return [
        f"cpu: {settings.cpu:g} vCPU with memory: {settings.memory} MB; a vCPU goes with 1 to 4 GB: set memory from "
        f"{low} to {high}, or cpu from {settings.memory / MB_PER_CPU[1]:.2f} to {settings.memory / MB_PER_CPU[0]:.2f}"
    ]


def _check_disk(settings: Settings, build: Build) -> list[str]:
    needed = -(-(build.unpacked + HEADROOM) // MB)
    if settings.disk >= needed:
        return []
    advice = f"set {DISKS[1]}" if needed <= DISKS[1] else "shorten the requirements; no instance has more disk"
    return [f"disk: {settings.disk} MB, but the archives need {needed} MB unpacked: {advice}"]


def _check_code(_settings: Settings, build: Build) -> list[str]:
    if build.code.packed <= MAX_CODE:
        return []
    return [
        f"the code package has {build.code.packed:,} bytes zipped, allowed are {MAX_CODE:,}: move libraries "
        "to the applib's requirements, data to the model, and build again"
    ]


def _check_target(settings: Settings, build: Build) -> list[str]:
    runtime, python = RUNTIMES[settings.runtime], build.target.python
    wanted = runtime.target.python
    if runtime.runs(build.target) or (settings.local_build and python in (wanted, LOCAL_PYTHON)):
        return []
    problem = (
        f"runtime: {runtime.name} is Python {wanted} on x86_64 with glibc 2.{runtime.glibc}, but the archives were built "
        f"for Python {python} on {build.target.platform}: run `python -m layers_build --python {wanted} --platform "
        f"{DEFAULT_PLATFORM}`"
    )
    if python != wanted and f"python{python}" in RUNTIMES:
        problem += f", or set runtime=python{python}"
    if not settings.local_build and python == LOCAL_PYTHON:
        problem += "; only for the embedded cloud, which can run the Python of this environment, set localBuild=true"
    return [problem]


def _check_imported(settings: Settings, build: Build) -> list[str]:
    if build.applib.imported or settings.unchecked or settings.local_build:
        return []
    return [
        f"unchecked: no Python {build.target.python} has imported these libraries, so nobody knows whether they work: put a "
        f"python{build.target.python} on PATH, or let uv or pyenv install one, and build again; to deploy them as they are, say "
        "`heavylift deploy --unchecked`, or set unchecked=true"
    ]


def _check_environment(settings: Settings, build: Build) -> list[str]:
    problems = [
        f"environment: {name} is set by the stack itself, from its settings and the build; remove it"
        for name in settings.environment
        if name in OWN_VARIABLES
    ]
    size = _size(function_environment(settings, build, **LONGEST))
    if size > MAX_ENVIRONMENT:
        problems.append(
            f"environment: {_size(settings.environment)} bytes, with the stack's own variables up to {size}; allowed are "
            f"{MAX_ENVIRONMENT}: shorten it by {size - MAX_ENVIRONMENT} bytes, or put the data into an object"
        )
    return problems


def _size(variables: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())


def _check_loop(settings: Settings, _build: Build) -> list[str]:
    events = settings.events_prefix
    return [
        f"writePrefixes: {prefix!r} overlaps eventsPrefix: {events!r}, so what the function writes would start it again, "
        "without end: choose prefixes apart from each other, or set trigger=false"
        for prefix in settings.write_prefixes
        if settings.trigger and (prefix.startswith(events) or events.startswith(prefix))
    ]


_CHECKS = (
    _check_account,
    _check_cpu,
    _check_disk,
    _check_code,
    _check_target,
    _check_imported,
    _check_environment,
    _check_loop,
)


# Readers of single values: they return it, or raise ValueError with the rest of the sentence


def _unknown(name: str) -> list[str]:
    if ":" in name or "@" in name:
        return []
    near = difflib.get_close_matches(name, _READERS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(_READERS))}"
    return [f"{name}: there is no such setting; {hint}"]


def _shown(value: object) -> str:
    try:
        return f"{value!r:.100}"
    except RecursionError:
        return "what is nested too deeply"


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError("is neither true nor false")


def _integer(allowed: range | tuple[int, ...], unit: str) -> Callable[[object], int]:
    def read(value: object) -> int:
        number = _number(value)
        if number != int(number) or int(number) not in allowed:
            raise ValueError(f"is not allowed; set {_described(allowed)} {unit}")
        return int(number)

    return read


def _described(allowed: range | tuple[int, ...]) -> str:
    if isinstance(allowed, tuple):
        return " or ".join(map(str, allowed))
    steps = f" (in steps of {allowed.step})" if allowed.step > 1 else ""
    return f"{allowed[0]} to {allowed[-1]}{steps}"


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("is not a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("is not a number") from None
    if not abs(number) < 1e9:  # neither infinite nor "not a number"
        raise ValueError("is not a number that can be used")
    return number


def _cpu(value: object) -> float:
    shares = round(_number(value) / CPU_SHARE, 6)
    if shares not in CPU_SHARES:
        most = CPU_SHARES[-1] * CPU_SHARE
        raise ValueError(f"is not allowed; set {CPU_SHARE:g} to {most:g} (in steps of {CPU_SHARE:g}) vCPU")
    return round(int(shares) * CPU_SHARE, 2)


def _choice(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"is not allowed; set {' or '.join(choices)}")
        return value

    return read


def _text(pattern: re.Pattern[str], wanted: str, *, optional: bool = False) -> Callable[[object], str]:
    def read(value: object) -> str:
        if optional and value == "":
            return ""
        if not isinstance(value, str) or not pattern.fullmatch(value) or not _is_whole(value):
            raise ValueError(f"is not allowed; set {wanted}")
        return value

    return read


def _is_whole(text: str) -> bool:
    """Say whether a text holds characters alone: JSON can also hold a half of one (RFC 8259, section 8.2), or a NUL."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _prefixes(value: object) -> tuple[str, ...]:
    items = _json(value) if isinstance(value, str) and value.startswith("[") else value
    if isinstance(items, str):
        items = [item for item in items.split(",") if item]
    if not isinstance(items, list):
        raise ValueError("is no list; set prefixes, parted by commas")
    return tuple(dict.fromkeys(_prefix(item) for item in items))


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON; write it as in cdk.json") from None


def _environment(value: object) -> dict[str, str]:
    value = _json(value) if isinstance(value, str) else value
    if not isinstance(value, dict):
        raise ValueError('is no object; set one such as {"NAME": "value"}')
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name) or name.startswith(RESERVED_VARIABLES):
            raise ValueError(
                f"holds the name {name!r}; names are letters, digits and underscores, begin with a letter, and not with "
                f"{' or '.join(RESERVED_VARIABLES)}, which belong to the platform"
            )
        if not isinstance(text, str) or not _is_whole(text):
            raise ValueError(f"holds {name}: {_shown(text)}, which is no text; put it in quotes")
    return dict(sorted(value.items()))


_BUCKET_RULE = "3 to 63 small letters, digits and hyphens, no hyphen at the ends"
_prefix = _text(
    _PREFIX, "the beginning of object keys, such as incoming/, without spaces, wildcards or a leading slash"
)
_READERS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "stackName": (
        "stack_name",
        _text(_STACK_NAME, f"3 to {MAX_STACK_NAME} small letters, digits and hyphens, beginning with a letter"),
    ),
    "account": ("account", _text(_ACCOUNT, "the account's number, 16 digits, as text", optional=True)),
    "qualifier": ("qualifier", _text(_QUALIFIER, "4 to 20 small letters and digits", optional=True)),
    "bucketName": ("bucket_name", _text(_BUCKET, f"{_BUCKET_RULE}; nothing: STACK-ACCOUNT-REGION", optional=True)),
    "retainBucket": ("retain_bucket", _flag),
    "artifactsBucket": ("artifacts_bucket", _text(_BUCKET, _BUCKET_RULE, optional=True)),
    "generation": ("generation", _choice(*GENERATIONS)),
    "runtime": ("runtime", _choice(*RUNTIMES)),
    "localBuild": ("local_build", _flag),
    "unchecked": ("unchecked", _flag),
    "memory": ("memory", _integer(MEMORY, "MB")),
    "cpu": ("cpu", _cpu),
    "disk": ("disk", _integer(DISKS, "MB")),
    "timeout": ("timeout", _integer(TIMEOUT, "seconds")),
    "initializer": ("initializer", _flag),
    "initializationTimeout": ("initialization_timeout", _integer(INITIALIZATION_TIMEOUT, "seconds")),
    "handlerModule": ("handler_module", _text(_HANDLER, "MODULE.FUNCTION of your own code, such as index.handler")),
    "environment": ("environment", _environment),
    "endpoint": ("endpoint", _text(_ENDPOINT, "a URL such as https://oss-cn-hangzhou.aliyuncs.com", optional=True)),
    "trigger": ("trigger", _flag),
    "eventsPrefix": ("events_prefix", _prefix),
    "readPrefixes": ("read_prefixes", _prefixes),
    "writePrefixes": ("write_prefixes", _prefixes),
    "logs": ("logs", _flag),
}
