"""The settings of a project with one function: read from the context (cdk.json, `-c key=value`), checked before anything is built.

Pure: context in, settings or all problems at once out. What only the build can tell is checked with it (`built.check_build`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from heavylift.cdk import values
from heavylift.cdk.arguments import (
    BUCKET,
    BUCKET_RULE,
    READERS,
    FunctionSettings,
    check_function,
    check_loop,
    fail,
    read_each,
)
from heavylift.cdk.context import setting_of

MAX_STACK_NAME = 28  # characters; so that bucket and role names made of it fit their 63 and 64 in every region

_STACK_NAME = re.compile(rf"[a-z][a-z0-9-]{{1,{MAX_STACK_NAME - 2}}}[a-z0-9]")
_ACCOUNT = re.compile(r"\d{16}")
_QUALIFIER = re.compile(r"[a-z0-9]{4,20}")


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """A stack, as far as its assets go; the attributes carry the names of the settings (`stackName` is `stack_name`).

    Attributes:
        stack_name: of the stack, and what its resources' names begin with.
        account: the account's number; makes the asset bucket's name the account's own.
        qualifier: names the asset bucket, `cdk-QUALIFIER-assets-REGION`; empty: from account and stack name.
    """

    stack_name: str = "heavylift"
    account: str = ""
    qualifier: str = ""

    @property
    def asset_qualifier(self) -> str:
        """The part of the asset bucket's name that is the stack's own: the same for every synth."""
        return self.qualifier or hashlib.sha256(f"{self.account} {self.stack_name}".encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Settings(FunctionSettings, StackSettings):
    """A stack with one function.

    Attributes:
        bucket_name: of the bucket; empty: `STACK-ACCOUNT-REGION`.
        retain_bucket: the bucket and its objects stay when the stack is destroyed.
        local_build: archives for the Python of this environment, which the embedded cloud has, are accepted for any runtime.
        unchecked: archives that no Python has imported are accepted.
        trigger: whether a new object under `events_prefix` invokes the function.
        events_prefix: of the objects that do.
    """

    model: str = "layers_build/model.py"
    read_prefixes: tuple[str, ...] = ("incoming/", "rotated/", "picture")
    write_prefixes: tuple[str, ...] = ("rotated/", "picture")
    bucket_name: str = ""
    retain_bucket: bool = False
    local_build: bool = False
    unchecked: bool = False
    trigger: bool = True
    events_prefix: str = "incoming/"

    @property
    def function(self) -> dict[str, Any]:
        """The function's arguments."""
        return {each.name: getattr(self, each.name) for each in fields(FunctionSettings)}


read_stack_name = values.text(
    _STACK_NAME, f"3 to {MAX_STACK_NAME} small letters, digits and hyphens, beginning with a letter"
)
_STACK_READERS: Mapping[str, tuple[str, values.Reader]] = {
    "stackName": ("stack_name", read_stack_name),
    "account": ("account", values.text(_ACCOUNT, "the account's number, 16 digits, as text", optional=True)),
    "qualifier": ("qualifier", values.text(_QUALIFIER, "4 to 20 small letters and digits", optional=True)),
}


SETTINGS: Mapping[str, tuple[str, values.Reader]] = {
    **_STACK_READERS,
    "bucketName": (
        "bucket_name",
        values.text(BUCKET, f"{BUCKET_RULE}; nothing: STACK-ACCOUNT-REGION", optional=True),
    ),
    "retainBucket": ("retain_bucket", values.flag),
    "localBuild": ("local_build", values.flag),
    "unchecked": ("unchecked", values.flag),
    "trigger": ("trigger", values.flag),
    "eventsPrefix": ("events_prefix", values.prefix),
    **{setting_of(attribute): (attribute, read) for attribute, read in READERS.items()},
}


def read_settings(context: Mapping[str, object]) -> Settings:
    """Read and check the settings.

    Args:
        context: names and values; those of `-c` are text. Names with a colon or an at sign belong to the CDK.

    Raises:
        SettingsError: lists every problem: setting, value, what is allowed, what to do.
    """
    known = {name: value for name, value in context.items() if name in SETTINGS}
    found, problems = read_each(known, SETTINGS)
    settings = Settings(**found)  # type: ignore[arg-type]  # each reader returns its attribute's type
    wrong = {SETTINGS[name][0] for name in known} - found.keys()
    fail(
        [
            *(values.unknown(name, SETTINGS, "setting") for name in context if name not in SETTINGS and _is_own(name)),
            *problems,
            *([] if {"account", "qualifier"} & wrong else _check_account(settings.account, settings.qualifier)),
            *check_function(settings, wrong),
            *([] if {"write_prefixes", "events_prefix", "trigger"} & wrong else _check_trigger(settings)),
        ]
    )
    return settings


def read_stack_settings(context: Mapping[str, object]) -> StackSettings:
    """Read and check the settings of a stack; all others are the app's own.

    Raises:
        SettingsError: lists every problem.
    """
    given = {name: context[name] for name in _STACK_READERS if context.get(name) is not None}
    found, problems = read_each(given, _STACK_READERS)
    fail(problems)
    settings = StackSettings(**found)  # type: ignore[arg-type]  # each reader returns its attribute's type
    fail(_check_account(settings.account, settings.qualifier))
    return settings


def _check_account(account: str, qualifier: str) -> list[str]:
    if account or qualifier:
        return []
    return [
        "account: not set; the asset bucket is named after it, because bucket names are unique across all accounts: set the "
        "16 digits that the console shows at its top right (-c account=…); `heavylift` does it by itself"
    ]


def _check_trigger(settings: Settings) -> list[str]:
    if not settings.trigger:
        return []
    names = ("writePrefixes", "eventsPrefix")
    advice = ", or set trigger=false"
    return check_loop(settings.write_prefixes, settings.events_prefix, names=names, advice=advice)


def _is_own(name: str) -> bool:
    return ":" not in name and "@" not in name
