"""Descriptions that a project keeps as they were given: dashboards, saved searches, machine groups, configurations of Logtail.

Consoles and agents read them; the embedded cloud has neither, so that nothing comes of them here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from localcloud.sls.errors import SlsError
from localcloud.sls.model import Description, DescriptionKind
from localcloud.sls.operations.analyses import Analyses

MAX_DESCRIPTIONS = 100  # of a kind in a project (SLS, "Basic resources")
MAX_NAME = 128  # characters (DashboardTest of aliyun-log-java-sdk)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+", re.ASCII)
_Key = tuple[str, DescriptionKind, str]
_ABSENT = {
    DescriptionKind.DASHBOARD: ("DashboardNotExist", "specified dashboard does not exist"),
    DescriptionKind.SAVED_SEARCH: ("SavedSearchNotExist", "specified savedsearch does not exist"),
    DescriptionKind.MACHINE_GROUP: ("MachineGroupNotExist", "MachineGroup {} does not exist"),
    DescriptionKind.CONFIG: ("ConfigNotExist", "config {} not exist"),
}
_TAKEN = {
    DescriptionKind.DASHBOARD: ("ParameterInvalid", "specified dashboard already exists"),
    DescriptionKind.SAVED_SEARCH: ("ParameterInvalid", "specified savedsearch already exists"),
    DescriptionKind.MACHINE_GROUP: ("MachineGroupAlreadyExist", "MachineGroup {} already exists"),
    DescriptionKind.CONFIG: ("ConfigAlreadyExist", "config {} already exists"),
}


class Descriptions(Analyses):
    """The descriptions of projects."""

    def create_description(
        self, project: str, kind: DescriptionKind, name: str, document: Mapping[str, object]
    ) -> Description:
        """Make a description.

        Raises:
            SlsError: ProjectNotExist, or that the name or the document is wrong, the name taken, or that there are too many.
        """
        _check_name(kind, name)
        _check(kind, document)
        with self._lock:
            others = self.descriptions(project, kind)
            if any(each.name == name for each in others):
                raise _error(_TAKEN[kind], name)
            if len(others) >= MAX_DESCRIPTIONS:
                raise SlsError("ParameterInvalid", f"a project has {MAX_DESCRIPTIONS} of the kind {kind.value} at most")
            now = self._clock()
            description = Description(
                project=project, kind=kind, name=name, document=document, created=now, modified=now
            )
            self._put_descriptions({(project, kind, name): description})
        return description

    def description(self, project: str, kind: DescriptionKind, name: str) -> Description:
        """Return a description.

        Raises:
            SlsError: ProjectNotExist, or that there is none of that name.
        """
        self.project(project)
        description = self._kept.descriptions.get((project, kind, name))
        if description is None:
            raise _error(_ABSENT[kind], name)
        return description

    def descriptions(self, project: str, kind: DescriptionKind) -> list[Description]:
        """Return all descriptions of a kind, by name.

        Raises:
            SlsError: ProjectNotExist.
        """
        self.project(project)
        found = [each for each in self._kept.descriptions.values() if (each.project, each.kind) == (project, kind)]
        return sorted(found, key=lambda each: each.name)

    def update_description(
        self, project: str, kind: DescriptionKind, name: str, document: Mapping[str, object]
    ) -> None:
        """Give a description other contents; see `description`."""
        _check(kind, document)
        with self._lock:
            old = self.description(project, kind, name)
            changed = replace(old, document=document, modified=self._clock())
            self._put_descriptions({(project, kind, name): changed})

    def delete_description(self, project: str, kind: DescriptionKind, name: str) -> None:
        """Remove a description; a configuration is then applied to nothing. See `description`."""
        with self._lock:
            self.description(project, kind, name)
            kept = {key: each for key, each in self._kept.descriptions.items() if key != (project, kind, name)}
            if kind is DescriptionKind.CONFIG:
                kept |= {key: _without(each, name) for key, each in kept.items() if each.project == project}
            self._save(replace(self._kept, descriptions=kept))

    def apply_config(self, project: str, group: str, config: str) -> None:
        """Apply a configuration of Logtail to a machine group; see `description`."""
        with self._lock:
            self.description(project, DescriptionKind.CONFIG, config)
            old = _without(self.description(project, DescriptionKind.MACHINE_GROUP, group), config)
            key = (project, DescriptionKind.MACHINE_GROUP, group)
            self._put_descriptions({key: replace(old, applied=(*old.applied, config))})

    def remove_config(self, project: str, group: str, config: str) -> None:
        """Take a configuration of Logtail from a machine group; see `description`."""
        with self._lock:
            self.description(project, DescriptionKind.CONFIG, config)
            old = self.description(project, DescriptionKind.MACHINE_GROUP, group)
            self._put_descriptions({(project, DescriptionKind.MACHINE_GROUP, group): _without(old, config)})

    def _put_descriptions(self, changed: Mapping[_Key, Description]) -> None:
        self._save(replace(self._kept, descriptions={**self._kept.descriptions, **changed}))


def _without(description: Description, config: str) -> Description:
    return replace(description, applied=tuple(each for each in description.applied if each != config))


def _error(worded: tuple[str, str], name: str) -> SlsError:
    return SlsError(worded[0], worded[1].format(name[:80]))


def _check_name(kind: DescriptionKind, name: str) -> None:
    noun = kind.value
    code = "InvalidDashboardName" if kind is DescriptionKind.DASHBOARD else "ParameterInvalid"
    if len(name) > MAX_NAME:
        raise SlsError(code, f"The length of {noun} name must be less than or equal to {MAX_NAME}")
    if not _NAME.fullmatch(name):
        raise SlsError(code, f"The {noun} name is invalid: {name}")


def _check(kind: DescriptionKind, document: Mapping[str, Any]) -> None:
    """Refuse a document that consoles and agents could do nothing with."""
    match kind:
        case DescriptionKind.DASHBOARD:
            charts = document.get("charts", [])
            if not isinstance(charts, list) or not all(isinstance(each, dict) for each in charts):
                raise SlsError("PostBodyInvalid", "charts must be a list of objects")
            titles = [each.get("title") for each in charts]
            for title in titles:
                if titles.count(title) > 1:
                    raise SlsError("PostBodyInvalid", f"Duplicate chart title: {title}")
        case DescriptionKind.SAVED_SEARCH:
            _need(document, "logstore", str)
            _need(document, "searchQuery", str)
        case DescriptionKind.MACHINE_GROUP:
            if document.get("machineIdentifyType") not in ("ip", "userdefined"):
                raise SlsError("ParameterInvalid", "machineIdentifyType must be ip or userdefined")
            _need(document, "machineList", list)
        case DescriptionKind.CONFIG:
            _need(document, "inputType", str)
            _need(document, "inputDetail", dict)


def _need(document: Mapping[str, object], name: str, kind: type) -> None:
    if not isinstance(document.get(name), kind):
        raise SlsError("ParameterInvalid", f"{name} is missing, or not of the right type")
