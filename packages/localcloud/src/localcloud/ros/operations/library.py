"""Templates that ROS keeps: create, change, list and delete them; each content is a version.

Sources: ROS API, "CreateTemplate", "UpdateTemplate", "ListTemplateVersions"; ROS, "Limits".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from localcloud.kernel.access import Caller
from localcloud.ros.errors import RosError
from localcloud.ros.model import StoredTemplate, TemplateVersion
from localcloud.ros.operations.templates import Templates
from localcloud.ros.store import RosStore

MAX_TEMPLATES, MAX_VERSIONS, MAX_DESCRIPTION = 100, 100, 256
NAME = re.compile(r"[A-Za-z0-9\u4e00-\u9fff][A-Za-z0-9_\u4e00-\u9fff-]{0,254}")


class Library:
    """The templates of one account.

    Args:
        store: what is kept of them.
        templates: checks them.
        clock: seconds since the epoch.
    """

    def __init__(self, *, store: RosStore, templates: Templates, clock: Callable[[], float]) -> None:
        self._store = store
        self._templates = templates
        self._clock = clock

    def all(self) -> list[StoredTemplate]:
        """Return all templates, the one that changed last first."""
        return sorted(self._store.templates.values(), key=lambda each: -each.latest.updated)

    def get(self, template_id: str, version: str = "") -> tuple[StoredTemplate, TemplateVersion]:
        """Return a template and one of its versions; empty: the latest.

        Raises:
            RosError: there is none.
        """
        template = self._store.templates.get(template_id)
        named = [each for each in template.versions if version in ("", each.version)] if template else []
        if template is None or not named:
            which = f"{template_id} version {version}" if version else template_id
            raise RosError("TemplateNotFound", f"The Template ({which}) could not be found.")
        return template, named[-1]

    async def create(
        self, name: str, body: str, caller: Caller, *, description: str, resource_group: str, tags: Mapping[str, str]
    ) -> StoredTemplate:
        """Keep a template.

        Raises:
            RosError: the name is taken, or the template or an option is not valid.
        """
        _check(name, description)
        await self._templates.check(body, caller)
        self._check_free(name)
        if len(self._store.templates) >= MAX_TEMPLATES:
            raise RosError("InvalidParameter", f"There are {MAX_TEMPLATES} templates already, as many as allowed.")
        now = self._clock()
        first = TemplateVersion(version="v1", name=name, description=description, body=body, created=now, updated=now)
        template = StoredTemplate(id=str(uuid.uuid4()), resource_group=resource_group, tags=tags, versions=(first,))
        self._store.save_template(template)
        return template

    async def update(
        self,
        template_id: str,
        caller: Caller,
        *,
        name: str | None,
        body: str | None,
        description: str | None,
        drop_oldest: bool,
    ) -> StoredTemplate:
        """Change a template: another body is a version of its own; None: as it is.

        Raises:
            RosError: there is no such template, it has as many versions as allowed, or something given is not valid.
        """
        _, latest = self.get(template_id)
        changed = replace(
            latest,
            name=latest.name if name is None else name,
            description=latest.description if description is None else description,
            updated=self._clock(),
        )
        _check(changed.name, changed.description)
        if body is not None:
            await self._templates.check(body, caller)
        template, latest = self.get(template_id)  # it may have changed meanwhile
        if changed.name != latest.name:
            self._check_free(changed.name)
        versions = template.versions[:-1]
        if body is not None:
            versions = template.versions
            if len(versions) >= MAX_VERSIONS:
                if not drop_oldest:
                    raise RosError(
                        "LimitExceeded.TemplateVersion",
                        f"The template has {MAX_VERSIONS} versions, as many as allowed: set RotateStrategy to "
                        "DeleteOldestNonSharedVersionWhenLimitExceeded.",
                    )
                versions = versions[1:]
            number = int(latest.version.removeprefix("v")) + 1
            changed = replace(changed, version=f"v{number}", body=body, created=changed.updated)
        template = replace(template, versions=(*versions, changed))
        self._store.save_template(template)
        return template

    def delete(self, template_id: str) -> None:
        """Delete a template with its versions; stacks that were made of it stay.

        Raises:
            RosError: there is none.
        """
        self.get(template_id)
        self._store.drop_template(template_id)

    def _check_free(self, name: str) -> None:
        if any(each.latest.name == name for each in self._store.templates.values()):
            raise RosError("TemplateExists", f"The Template ({name}) already exists.")


def _check(name: str, description: str) -> None:
    if not NAME.fullmatch(name):
        raise RosError(
            "InvalidParameter",
            "TemplateName: up to 255 letters, digits, hyphens and underscores, a letter or digit first.",
        )
    if len(description) > MAX_DESCRIPTION:
        raise RosError("InvalidParameter", f"Description: at most {MAX_DESCRIPTION} characters.")
