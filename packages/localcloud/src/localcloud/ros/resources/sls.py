"""ALIYUN::SLS::Project, ::Logstore and ::Index. Sources: ROS, the page of each type; ros-cdk-sls 1.15.0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from localcloud.kernel.documents import read_document
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.declarations import STACK_TAGS, STRING, tags_in
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_logs, verb
from localcloud.sls.errors import SlsError
from localcloud.sls.model import FOR_EVER, NAME, NAME_RULE, LogstoreSettings, ProjectSettings
from localcloud.sls.operations.service import SlsService
from localcloud.sls.search.index import DELIMITERS

BOOLEAN = Property(kind="boolean")
NAMED = Property(kind="string", required=True, replaces=True, minimum=3, maximum=63)
DEFAULT_TTL = 30  # days (ALIYUN::SLS::Logstore, TTL)
DEFAULT_SHARDS = 2  # (ALIYUN::SLS::Logstore, ShardCount)
_USER_KEY = {"CmkKeyId": "cmk_key_id", "Arn": "arn", "RegionId": "region_id"}  # as the API has it ("CreateLogStore")
# Settings of a logstore that the type has not: others have made them.
_KEPT = ("hot_ttl", "infrequent_access_ttl", "metering_mode", "telemetry_type")
_JSON_KEY = {
    "Name": Property(kind="string", required=True),
    "Type": Property(kind="string", required=True, choices=("text", "long", "double")),
    "Alias": STRING,
    "EnableAnalytics": BOOLEAN,
}


class Project(BlockingType):
    """A project; its physical id is its name."""

    name = "ALIYUN::SLS::Project"
    returns: Sequence[str] = ("Name",)
    properties: Mapping[str, Property] = {
        "Name": NAMED,
        "Description": Property(kind="string", maximum=64),
        "DataRedundancyType": Property(kind="string", replaces=True, choices=("LRS", "ZRS")),
        "ResourceGroupId": STRING,
        "Tags": STACK_TAGS,
    }

    def __init__(self, sls: SlsService) -> None:
        self._sls = sls

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return _checked_name("Name", properties)

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        yield on_logs(context, f"{verb(before, after)}Project", f"project/{(after or before or {})['Name']}")

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        with _absent() as absent:
            self._sls.project(physical_id)
        return not absent

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        name = self.plan_id(context, properties)
        self._sls.create_project(name, _project(properties))
        return Outcome(physical_id=name, attributes={"Name": name})

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        self._sls.update_project(physical_id, _project(properties))
        return Outcome(physical_id=physical_id, attributes={"Name": physical_id})

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        with _absent():
            self._sls.delete_project(physical_id)


class _InLogstore(BlockingType):
    """A type whose resources belong to a logstore, or are one; their physical ids begin with `PROJECT/LOGSTORE` (assumed)."""

    noun: str  # what the actions of SLS call it

    def __init__(self, sls: SlsService) -> None:
        self._sls = sls

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{_checked_name('ProjectName', properties)}/{_checked_name('LogstoreName', properties)}"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        given = after or before or {}
        path = f"project/{given['ProjectName']}/logstore/{given['LogstoreName']}"
        yield on_logs(context, f"{verb(before, after)}{self.noun}", path)


class Logstore(_InLogstore):
    """A logstore; its physical id is `PROJECT/LOGSTORE` (assumed)."""

    name = "ALIYUN::SLS::Logstore"
    returns: Sequence[str] = ("ProjectName", "LogstoreName")
    noun = "LogStore"
    properties: Mapping[str, Property] = {
        "LogstoreName": NAMED,
        "ProjectName": NAMED,
        "AppendMeta": BOOLEAN,
        "AutoSplit": BOOLEAN,
        "EnableTracking": BOOLEAN,
        "EncryptConf": Property(
            kind="map",
            replaces=True,
            fields={
                "Enable": Property(kind="boolean", required=True),
                "EncryptType": Property(kind="string", required=True),
                "UserCmkInfo": Property(
                    kind="map", fields={name: Property(kind="string", required=True) for name in _USER_KEY}
                ),
            },
        ),
        "MaxSplitShard": Property(kind="integer", minimum=1, maximum=64),
        "Mode": Property(kind="string", choices=("standard", "query")),
        "PreserveStorage": BOOLEAN,
        "ShardCount": Property(kind="integer", minimum=1, maximum=100),
        "TTL": Property(kind="integer", minimum=1, maximum=3650),
    }

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        with _absent() as absent:
            self._sls.logstore(*_place(physical_id))
        return not absent

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        physical_id = self.plan_id(context, properties)
        self._sls.create_logstore(*_place(physical_id), _logstore(properties))
        return _logstore_outcome(physical_id)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        before = self._sls.logstore(*_place(physical_id)).settings
        kept = {name: getattr(before, name) for name in _KEPT}
        self._sls.update_logstore(*_place(physical_id), replace(_logstore(properties), **kept))
        return _logstore_outcome(physical_id)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        with _absent():
            self._sls.delete_logstore(*_place(physical_id))


class Index(_InLogstore):
    """The index of a logstore; its physical id is `PROJECT/LOGSTORE/index` (assumed)."""

    name = "ALIYUN::SLS::Index"
    returns: Sequence[str] = ()
    noun = "Index"
    properties: Mapping[str, Property] = {
        "LogstoreName": NAMED,
        "ProjectName": NAMED,
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
                    "JsonKeyIndices": Property(kind="list", items=Property(kind="map", fields=_JSON_KEY)),
                },
            ),
        ),
        "LogReduce": BOOLEAN,
    }

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{super().plan_id(context, properties)}/index"

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        with _absent() as absent:
            self._sls.index(*_place(physical_id))
        return not absent

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        physical_id = self.plan_id(context, properties)
        self._sls.create_index(*_place(physical_id), _index(properties))
        return Outcome(physical_id=physical_id, attributes={})

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        self._sls.update_index(*_place(physical_id), _index(properties))
        return Outcome(physical_id=physical_id, attributes={})

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        with _absent():
            self._sls.delete_index(*_place(physical_id))


def adopt_records(path: Path, sls: SlsService) -> None:
    """Hand over to SLS what ROS recorded itself before SLS was a service; a kill in between loses nothing.

    Args:
        path: the file of the records: properties by physical id.
        sls: where they go.

    Raises:
        LocalCloudError: the file cannot be read.
    """
    if path.exists():
        read_document(path, lambda records: _adopt(records, sls))
        path.unlink()


def _adopt(records: dict[str, Any], sls: SlsService) -> None:
    for physical_id, properties in sorted(records.items(), key=lambda item: item[0].count("/")):  # parents first
        match physical_id.split("/"):
            case [project] if all(each.name != project for each in sls.projects()):
                sls.create_project(project, _project(properties))
            case [project, logstore] if all(each.name != logstore for each in sls.logstores(project)):
                sls.create_logstore(project, logstore, _logstore(properties))
            case [project, logstore, _]:
                with _absent() as absent:
                    sls.index(project, logstore)
                if absent:
                    sls.create_index(project, logstore, _index(properties))


@contextmanager
def _absent() -> Iterator[list[SlsError]]:
    """Take it that something does not exist for no error; the list tells which it was."""
    absent: list[SlsError] = []
    try:
        yield absent
    except SlsError as error:
        if error.status != 404:
            raise
        absent.append(error)


def _project(properties: Given) -> ProjectSettings:
    return ProjectSettings(
        description=properties.get("Description", ""),
        resource_group_id=properties.get("ResourceGroupId", ""),
        data_redundancy_type=properties.get("DataRedundancyType", "LRS"),
        tags=tags_in(properties),
    )


def _logstore(properties: Given) -> LogstoreSettings:
    encryption = properties.get("EncryptConf")
    return LogstoreSettings(
        ttl=FOR_EVER if properties.get("PreserveStorage") else properties.get("TTL", DEFAULT_TTL),
        shard_count=properties.get("ShardCount", DEFAULT_SHARDS),
        mode=properties.get("Mode", "standard"),
        auto_split=properties.get("AutoSplit", False),
        max_split_shard=properties.get("MaxSplitShard", 0),
        append_meta=properties.get("AppendMeta", False),
        enable_tracking=properties.get("EnableTracking", False),
        encrypt_conf=encryption
        and {
            "enable": encryption["Enable"],
            "encrypt_type": encryption["EncryptType"],
            **({"user_cmk_info": _user_key(encryption["UserCmkInfo"])} if "UserCmkInfo" in encryption else {}),
        },
    )


def _user_key(given: Given) -> dict[str, object]:
    return {_USER_KEY[name]: value for name, value in given.items()}


def _logstore_outcome(physical_id: str) -> Outcome:
    project, logstore = _place(physical_id)
    return Outcome(physical_id=physical_id, attributes={"ProjectName": project, "LogstoreName": logstore})


def _place(physical_id: str) -> tuple[str, str]:
    project, logstore, *_ = physical_id.split("/")
    return project, logstore


def _index(properties: Given) -> dict[str, object]:
    """Return an index as the API has it ("CreateIndex")."""
    line = properties["FullTextIndex"]
    document: dict[str, object] = {"log_reduce": properties.get("LogReduce", False)}
    if line["Enable"]:
        document["line"] = _tokens(line)
    document["keys"] = {
        key["Name"]: {
            **_key(key),
            **_tokens(key),
            **(
                {"json_keys": {each["Name"]: _key(each) for each in key["JsonKeyIndices"]}}
                if "JsonKeyIndices" in key
                else {}
            ),
        }
        for key in properties.get("KeyIndices", [])
    }
    return document


def _key(given: Given) -> dict[str, object]:
    return {
        "type": given["Type"],
        "alias": given.get("Alias", ""),
        "doc_value": given.get("EnableAnalytics", False),
    }


def _tokens(given: Given) -> dict[str, object]:
    return {
        "token": [*given.get("Delimiter", DELIMITERS)],
        "caseSensitive": given.get("CaseSensitive", False),
        "chn": given.get("IncludeChinese", False),
    }


def _checked_name(name: str, properties: Given) -> str:
    value = str(properties[name])
    if not NAME.fullmatch(value):
        raise ResourceError(f"Property {name}: {value!r} is not valid: {NAME_RULE}")
    return value
