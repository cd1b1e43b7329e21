"""The function's environment, read once and checked. The variables are listed in docs/reference/contracts.md, section 3."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from heavylift.contracts.failures import ConfigurationError

INITIALIZER_LIMIT = 300.0  # seconds; what Function Compute gives an initializer at most

APPLIB_DIR, MODEL_DIR = "/tmp/applib", "/tmp/model"  # noqa: S108 - an instance's /tmp is its own
COMPLETE, WORKING_SET, WHOLE = "complete", "working-set", "whole"  # values of `LoadMode`

HANDLER = re.compile(r"(?!loader\.)[A-Za-z_][\w.]*\.[A-Za-z_]\w*")  # MODULE.FUNCTION of the user's
# A pattern: https://www.alibabacloud.com/help/en/oss/user-guide/bucket-naming-conventions
BUCKET_NAME = r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"
_SHA256 = re.compile(r"([0-9a-f]{64})?")


class Archive(NamedTuple):
    """An archive to load.

    Attributes:
        name: how the timeline calls it: `applib`, `model`.
        key: the object's key.
        digest: the pinned digest in hex, or empty.
        directory: where it is unpacked to.
    """

    name: str
    key: str
    digest: str
    directory: Path


class Settings(NamedTuple):
    """The settings that the environment holds.

    Attributes:
        bucket, endpoint, region: where archives and pictures lie; empty where not set.
        local: nothing is fetched, the directories are filled already.
        archives: what to load, in that order; none when local.
        applib: the directory that is put on `sys.path`.
        model: the directory of the model.
        handler: the user's function, `MODULE.FUNCTION`.
        initializer_limit: seconds that the platform gives the initializer.
        load_mode: `complete`: everything is there when the initializer returns, cold code last. `working-set`: it returns when what
            a recorded start used is there, and the rest follows. `whole`: no library is used before all of it is there.
    """

    bucket: str
    endpoint: str
    region: str
    local: bool
    archives: tuple[Archive, ...]
    applib: Path
    model: Path
    handler: str
    initializer_limit: float
    load_mode: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: the message begins with the variable that is wrong.
    """
    _check_python(environment.get("AppLibPython", ""))
    local = bool(environment.get("local"))
    applib = Path(environment.get("AppLibDir") or APPLIB_DIR)
    model = Path(environment.get("ModelDir") or MODEL_DIR)
    if applib == model or applib in model.parents or model in applib.parents:
        raise ConfigurationError(f"AppLibDir, ModelDir: {applib} and {model} lie in each other; name two directories")
    handler = environment.get("HandlerModule") or "index.handler"
    if not HANDLER.fullmatch(handler):
        raise ConfigurationError(
            f"HandlerModule: {handler!r} is not MODULE.FUNCTION of your own; `index.handler` is one"
        )
    archives = (  # the model first: the user's modules may read it, and they run while the applib still arrives
        Archive("model", environment.get("ModelObject", ""), _digest(environment, "ModelDigest"), model),
        Archive("applib", environment.get("AppLibObject", ""), _digest(environment, "AppLibDigest"), applib),
    )
    return Settings(
        bucket=environment.get("Bucket", ""),
        endpoint=environment.get("Endpoint", ""),
        region=environment.get("Region") or environment.get("FC_REGION", ""),
        local=local,
        archives=() if local else tuple(archive for archive in archives if archive.key),
        applib=applib,
        model=model,
        handler=handler,
        initializer_limit=_seconds(environment, "InitializationTimeout", INITIALIZER_LIMIT),
        load_mode=_load_mode(environment.get("LoadMode") or COMPLETE),
    )


def require_bucket(settings: Settings) -> None:
    """Check that the environment names a bucket.

    Raises:
        ConfigurationError: it does not.
    """
    for name, value in (("Bucket", settings.bucket), ("Endpoint", settings.endpoint), ("Region", settings.region)):
        if not value:
            raise ConfigurationError(f"{name}: not set in the function's environment; it is needed to reach OSS")


def _check_python(built_for: str) -> None:
    runs = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if built_for not in ("", runs):
        raise ConfigurationError(
            f"AppLibPython: the applib was built for Python {built_for[:20]}, and this instance runs Python {runs}, "
            f"which cannot import it: choose the runtime python{built_for[:20]}, or build for Python {runs} and deploy again"
        )


def _load_mode(value: str) -> str:
    if value not in (COMPLETE, WORKING_SET, WHOLE):
        raise ConfigurationError(f"LoadMode: {value[:80]!r} is none of {COMPLETE}, {WORKING_SET} and {WHOLE}")
    return value


def _digest(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not _SHA256.fullmatch(value):
        raise ConfigurationError(
            f"{name}: {value[:80]!r} is not a sha256 in 64 small hex digits; empty means not pinned"
        )
    return value


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name, "")
    try:
        seconds = float(value) if value else default
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= INITIALIZER_LIMIT:
        raise ConfigurationError(f"{name}: {value!r} is not a number of seconds from 1 to {INITIALIZER_LIMIT:.0f}")
    return seconds
