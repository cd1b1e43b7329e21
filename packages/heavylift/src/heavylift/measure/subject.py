"""The function that is measured, as a project's app declares it, and its build. Pure, but for reading manifests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heavylift.clouds.assembly import SynthesizedStack
from heavylift.clouds.invocation import TYPES
from heavylift.contracts.manifest import NAME, Build, ManifestError, read_build
from heavylift.errors import HeavyliftError

DIGEST = "AppLibDigest"  # the variable that tells which build a function runs
_NAMED = re.compile(r"\$\{([^}!]+)\}")  # in Fn::Sub


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A function to measure.

    Attributes:
        name: its logical id.
        type: of its resource: which generation of Function Compute it is of.
        properties: of its resource.
        build: its code, libraries and model.
    """

    name: str
    type: str
    properties: Mapping[str, Any]
    build: Build

    @property
    def environment(self) -> dict[str, Any]:
        """Its variables."""
        return dict(self.properties["EnvironmentVariables"])


def find_subject(stack: SynthesizedStack, builds: Path, wanted: str | None) -> Subject:
    """Return the function of a stack that is to be measured.

    Args:
        stack: as the app synthesized it.
        builds: the folder of the project's builds.
        wanted: the function's logical id or name; None: the only one that heavylift builds.

    Raises:
        HeavyliftError: there is none, it is not clear which one is meant, or its build is not there.
    """
    resources: Mapping[str, Any] = json.loads(stack.template).get("Resources", {})
    found = {
        name: resource
        for name, resource in resources.items()
        if resource["Type"] in TYPES and DIGEST in resource["Properties"].get("EnvironmentVariables", {})
    }
    meant = [
        name for name, resource in found.items() if wanted in (None, name, resource["Properties"].get("FunctionName"))
    ]
    if len(meant) != 1:
        names = ", ".join(sorted(found)) or "none"
        raise HeavyliftError(
            f"stack {stack.name} has {len(meant)} functions of heavylift that could be meant (there are: {names}): name one "
            "with --function"
        )
    resource = found[meant[0]]
    properties = resource["Properties"]
    build = _find_build(builds, str(properties["EnvironmentVariables"][DIGEST]))
    return Subject(name=meant[0], type=resource["Type"], properties=properties, build=build)


def _find_build(builds: Path, digest: str) -> Build:
    for folder in (builds, *sorted(path for path in builds.glob("*") if path.is_dir())):
        if (folder / NAME).is_file():
            try:
                build = read_build(folder)
            except ManifestError:
                continue  # another function's, which was not built to its end
            if build.applib.digest == digest:
                return build
    raise HeavyliftError(f"no build below {builds} is the one that the app deploys; run `heavylift build`")


def names_others(value: object) -> bool:
    """Return whether a value of a template names a resource or a parameter, which another template does not have."""
    return any(not name.startswith("ALIYUN::") for name in _names(value))


def _names(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Ref":
                yield str(inner)
            elif key == "Fn::GetAtt":
                yield str(inner[0] if isinstance(inner, list) else inner)
            elif key == "Fn::Sub":
                text = inner[0] if isinstance(inner, list) else inner
                yield from _NAMED.findall(str(text))
            else:
                yield from _names(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)
