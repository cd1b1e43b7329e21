"""Settings of the context that give what an app leaves at its default: how its functions are run. Pure.

So `-c loadMode=whole` counts in any app, and one that contradicts what the app says is told, not dropped. Other settings are not
read here: under such names as `environment` an app's context holds what is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from heavylift.cdk.arguments import READERS, FunctionSettings
from heavylift.cdk.values import shown

DEFAULTS = {each.name: each.default for each in fields(FunctionSettings)}
RUN = (
    *("generation", "runtime", "memory", "cpu", "disk", "timeout"),
    *("initializer", "initialization_timeout", "load_mode", "minimum_instances"),
)


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
