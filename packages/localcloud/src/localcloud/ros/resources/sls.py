"""ALIYUN::SLS::Project, ::Logstore and ::Index: recorded, with their names kept unique; nothing is logged to them.

Sources: ROS, the page of each type; ros-cdk-sls 1.15.0; SLS, "Error codes".
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from localcloud.kernel.documents import write_private
from localcloud.kernel.errors import LocalCloudError
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_logs, verb

STRING = Property(kind="string")
BOOLEAN = Property(kind="boolean")
NAME = Property(kind="string", required=True, replaces=True, minimum=3, maximum=63)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]", re.ASCII)
_Records = dict[str, Given]


class SlsRecords:
    """What exists, by physical id: `PROJECT`, `PROJECT/LOGSTORE`, `PROJECT/LOGSTORE/index`. Safe for threads.

    Args:
        path: the file that keeps it.

    Raises:
        LocalCloudError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._records: _Records = {}
        if path.exists():
            try:
                self._records = dict(json.loads(path.read_bytes()))
            except (OSError, ValueError, TypeError) as error:
                raise LocalCloudError(
                    f"{path} cannot be read ({type(error).__name__}); restore it, or remove the data folder to start anew"
                ) from error

    def __contains__(self, physical_id: str) -> bool:
        return physical_id in self._records

    def add(self, physical_id: str, properties: Given, *, taken: str, orphaned: str) -> None:
        """Record something new.

        Args:
            physical_id: of it.
            properties: what it is.
            taken: the reason to give when it exists.
            orphaned: the reason to give when what it belongs to does not exist.

        Raises:
            ResourceError: one of the two.
        """
        parent, _, _ = physical_id.rpartition("/")
        with self._lock:
            if physical_id in self._records:
                raise ResourceError(taken)
            if parent and parent not in self._records:
                raise ResourceError(orphaned)
            self._save({**self._records, physical_id: properties})

    def change(self, physical_id: str, properties: Given, *, missing: str) -> None:
        """Record what something is now.

        Raises:
            ResourceError: it does not exist; the reason is `missing`.
        """
        with self._lock:
            if physical_id not in self._records:
                raise ResourceError(missing)
            self._save({**self._records, physical_id: properties})

    def drop(self, physical_id: str) -> None:
        """Forget something and all that belongs to it."""
        with self._lock:
            self._save(
                {key: each for key, each in self._records.items() if not f"{key}/".startswith(f"{physical_id}/")}
            )

    def _save(self, records: _Records) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_private(self._path, json.dumps(records).encode())
        self._records = records


class _Recorded(BlockingType):
    """A type of which properties are all that there is."""

    noun: str  # what the log service's actions call it
    project = "ProjectName"  # the property that names the project
    taken: str  # reasons, with the name of what exists or is missing
    orphaned: str
    missing: str

    def __init__(self, records: SlsRecords) -> None:
        self._records = records

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        properties = after or before or {}
        path = f"project/{properties[self.project]}"
        if logstore := properties.get("LogstoreName"):
            path += f"/logstore/{logstore}"
        yield on_logs(context, f"{verb(before, after)}{self.noun}", path)

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        return physical_id in self._records

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        physical_id = self.plan_id(context, properties)
        self._records.add(
            physical_id,
            properties,
            taken=_fill(self.taken, physical_id),
            orphaned=_fill(self.orphaned, physical_id.rpartition("/")[0]),
        )
        return self.outcome(physical_id)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        self._records.change(physical_id, properties, missing=_fill(self.missing, physical_id))
        return self.outcome(physical_id)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        self._records.drop(physical_id)

    def outcome(self, physical_id: str) -> Outcome:
        """Return what the resource is; nothing but its id, unless a subclass knows more."""
        return Outcome(physical_id=physical_id, attributes={})


class Project(_Recorded):
    """A project; its physical id is its name."""

    name = "ALIYUN::SLS::Project"
    properties: Mapping[str, Property] = {
        "Name": NAME,
        "Description": Property(kind="string", maximum=64),
        "DataRedundancyType": Property(kind="string", replaces=True, choices=("LRS", "ZRS")),
        "ResourceGroupId": STRING,
        "Tags": Property(
            kind="list",
            maximum=20,
            items=Property(kind="map", fields={"Key": Property(kind="string", required=True), "Value": STRING}),
        ),
    }
    noun, project = "Project", "Name"
    taken = "ProjectAlreadyExist: project {} already exists"
    orphaned = ""
    missing = "ProjectNotExist: project {} does not exist"

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return _checked_name("Name", properties)

    def outcome(self, physical_id: str) -> Outcome:
        """See `_Recorded`."""
        return Outcome(physical_id=physical_id, attributes={"Name": physical_id})


class Logstore(_Recorded):
    """A log store; its physical id is `PROJECT/LOGSTORE` (assumed)."""

    name = "ALIYUN::SLS::Logstore"
    properties: Mapping[str, Property] = {
        "LogstoreName": NAME,
        "ProjectName": NAME,
        "AppendMeta": BOOLEAN,
        "AutoSplit": BOOLEAN,
        "EnableTracking": BOOLEAN,
        "EncryptConf": Property(
            kind="map",
            replaces=True,
            fields={
                "Enable": Property(kind="boolean", required=True),
                "EncryptType": Property(kind="string", required=True),
                "UserCmkInfo": Property(kind="map"),
            },
        ),
        "MaxSplitShard": Property(kind="integer", minimum=1, maximum=64),
        "Mode": Property(kind="string", choices=("standard", "query")),
        "PreserveStorage": BOOLEAN,
        "ShardCount": Property(kind="integer", minimum=1, maximum=100),
        "TTL": Property(kind="integer", minimum=1, maximum=3650),
    }
    noun = "LogStore"
    taken = "LogStoreAlreadyExist: logstore {} already exists"
    orphaned = "ProjectNotExist: project {} does not exist"
    missing = "LogStoreNotExist: logstore {} does not exist"

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{_checked_name('ProjectName', properties)}/{_checked_name('LogstoreName', properties)}"

    def outcome(self, physical_id: str) -> Outcome:
        """See `_Recorded`."""
        project, _, logstore = physical_id.partition("/")
        return Outcome(physical_id=physical_id, attributes={"ProjectName": project, "LogstoreName": logstore})


class Index(_Recorded):
    """The index of a log store; its physical id is `PROJECT/LOGSTORE/index` (assumed)."""

    name = "ALIYUN::SLS::Index"
    properties: Mapping[str, Property] = {
        "LogstoreName": NAME,
        "ProjectName": NAME,
        "FullTextIndex": Property(
            kind="map",
            required=True,
            fields={
                "Enable": Property(kind="boolean", required=True),
                "CaseSensitive": BOOLEAN,
                "Delimiter": STRING,
                "IncludeChinese": BOOLEAN,
            },
        ),
        "KeyIndices": Property(
            kind="list",
            items=Property(
                kind="map",
                fields={
                    "Name": Property(kind="string", required=True),
                    "Type": Property(kind="string", required=True, choices=("text", "long", "double", "json")),
                    "Alias": STRING,
                    "CaseSensitive": BOOLEAN,
                    "Delimiter": STRING,
                    "EnableAnalytics": BOOLEAN,
                    "IncludeChinese": BOOLEAN,
                    "JsonKeyIndices": Property(kind="list"),
                },
            ),
        ),
        "LogReduce": BOOLEAN,
    }
    noun = "Index"
    taken = "IndexAlreadyExist: {} already exists"
    orphaned = "LogStoreNotExist: logstore {} does not exist"
    missing = "IndexConfigNotExist: {} does not exist"

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{_checked_name('ProjectName', properties)}/{_checked_name('LogstoreName', properties)}/index"


def _fill(reason: str, physical_id: str) -> str:
    return reason.format(physical_id)


def _checked_name(name: str, properties: Given) -> str:
    value = str(properties[name])
    if not _NAME.fullmatch(value):
        raise ResourceError(
            f"Property {name}: {value!r} is not valid: 3 to 63 lower-case letters, digits, hyphens and underscores, a letter or "
            "digit at both ends"
        )
    return value
