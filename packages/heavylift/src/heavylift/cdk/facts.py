"""Reads the facts that an app is given by the command that runs it: the cloud, and the way to build. Pure.

The context is cdk.json's and that of `-c key=value`, as ros-cdk and `heavylift` give it in CDK_CONTEXT_JSON; the variables are what
`heavylift` knows of the cloud that it deploys to. Names with a colon are none of the project's own settings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heavylift.cdk import values
from heavylift.cdk.arguments import fail, read_each
from heavylift.cdk.errors import SettingsError
from heavylift.contracts import app

FROM_ENVIRONMENT = {app.ACCOUNT: "account", app.LOCAL_BUILD: "localBuild"}

_READERS: Mapping[str, tuple[str, values.Reader]] = {
    "localBuild": ("local_build", values.flag),
    "unchecked": ("unchecked", values.flag),
    app.PYTHON: ("python", values.path),
    app.PLATFORM: ("platform", values.path),
    app.PRUNE: ("prune", values.flag),
    app.STRIP: ("strip", values.flag),
    app.DEPLOYS: ("deploys", values.flag),
    app.RECORD: ("record", values.paths),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The way to build, and the builds that may be deployed.

    Attributes:
        local_build: it is for the embedded cloud, which can run the Python of this environment.
        unchecked: archives that no Python has imported are accepted.
        python: to build for; empty: the runtime's.
        platform: to build for; empty: the one that every runtime runs.
        prune: whether files that nothing needs are left out.
        strip: whether shared libraries lose their symbols.
        deploys: whether what is built is deployed; a build alone may be for any Python.
        record: files with events: a start of the function and requests with these are recorded; None: only what never was.
    """

    local_build: bool = False
    unchecked: bool = False
    python: str = ""
    platform: str = ""
    prune: bool = True
    strip: bool = True
    deploys: bool = True
    record: tuple[str, ...] | None = None


def read_context(environment: Mapping[str, str]) -> dict[str, object]:
    """Read the context that an app is given, with the facts that `heavylift` adds.

    Args:
        environment: the process's variables.

    Raises:
        SettingsError: it is no JSON object.
    """
    try:
        context = json.loads(environment.get(app.CONTEXT, "{}"))
    except (ValueError, RecursionError) as error:
        raise SettingsError([f"{app.CONTEXT}: is no JSON that can be read ({error})"]) from error
    if not isinstance(context, dict):
        raise SettingsError([f"{app.CONTEXT}: is no JSON object"])
    return {**_said(environment), **context}


def read_facts(context: Callable[[str], object], environment: Mapping[str, str]) -> Facts:
    """Read the facts.

    Args:
        context: gives a context value by its name; None: there is none.
        environment: the process's variables.

    Raises:
        SettingsError: lists every problem.
    """
    said = _said(environment)
    given = {**said, **{name: value for name in _READERS if (value := context(name)) is not None}}
    given.pop("account", None)
    found, problems = read_each(given, _READERS)
    fail(problems)
    return Facts(**found)  # type: ignore[arg-type]  # each reader returns its attribute's type


def _said(environment: Mapping[str, str]) -> dict[str, object]:
    return {setting: environment[name] for name, setting in FROM_ENVIRONMENT.items() if name in environment}
