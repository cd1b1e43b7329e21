"""Settings of the context that give what an app leaves at its default: how its functions are run, and where archives lie. Pure.

So `-c loadMode=whole` counts in any app, and one that contradicts what the app says is told, not dropped. Other settings are not
read here: under such names as `environment` an app's context holds what is its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import fields

from heavylift.cdk.arguments import READERS, FunctionSettings
from heavylift.cdk.values import shown

DEFAULTS = {each.name: each.default for each in fields(FunctionSettings)}
RUN = (
    *("generation", "runtime", "memory", "cpu", "disk", "timeout"),
    *("initializer", "initialization_timeout", "load_mode", "minimum_instances"),
    "artifacts_bucket",
)

LIKE = 0.8  # of difflib's measure, from 0 to 1: `memry` is like `memory`, `time` is not like `timeout`


def setting_of(argument: str) -> str:
    """Return the setting that gives an argument of the function: `readPrefixes` gives `read_prefixes`."""
    if argument == "handler":
        return "handlerModule"  # as the variable is called that the loader reads
    first, *others = argument.split("_")
    return first + "".join(word.capitalize() for word in others)


def add_settings(arguments: Mapping[str, object], context: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Return the arguments of a function, with settings in the place of defaults, and a sentence for each that contradicts one.

    Args:
        arguments: those that the app gives, and defaults.
        context: names and values.
    """
    found, problems = dict(arguments), []
    for name in RUN:
        said, given = context.get(setting_of(name)), arguments[name]
        if said is None:
            continue
        try:
            value = READERS[name](said)
        except ValueError as error:
            problems.append(f"{setting_of(name)}: {shown(said)} {error}")
            continue
        if given == DEFAULTS[name]:
            found[name] = value
        elif given != value:
            problems.append(
                f"{setting_of(name)}: {shown(said)} in the settings, but the app says {name}={shown(given)}: change it there"
            )
    return found, problems


def misspelt(context: Mapping[str, object], known: Collection[str]) -> list[str]:
    """Return a sentence for each name of the context that is nearly that of a setting, and so counts for nothing but the app.

    Args:
        context: names and values.
        known: the names of all settings; those of `RUN` are what a name is compared with.
    """
    wanted = [setting_of(name) for name in RUN]
    near = {name: difflib.get_close_matches(name, wanted, n=1, cutoff=LIKE) for name in context if name not in known}
    return [
        f"{name}: no setting has this name, did you mean {found[0]}? (the app may read it by itself)"
        for name, found in near.items()
        if found
    ]
