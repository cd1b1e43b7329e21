"""Templates that ROS keeps, in the API: create, change, list and delete them."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import decode_template, read_tags, required, switch, tag_filter
from localcloud.ros.api.encoding import page, page_by_token, shown_tags, shown_time
from localcloud.ros.api.sources import read_template
from localcloud.ros.model import Owner, StoredTemplate, TemplateVersion
from localcloud.ros.operations.service import RosService

ROTATE = "DeleteOldestNonSharedVersionWhenLimitExceeded"


def summarize_stored(owner: Owner, template: StoredTemplate, version: TemplateVersion) -> Answer:
    """Return what is told of a stored template beside its content."""
    return {
        "TemplateId": template.id,
        "TemplateName": version.name,
        "TemplateVersion": version.version,
        "TemplateARN": f"acs:ros:*:{owner.account_id}:template/{template.id}",
        "Description": version.description,
        "OwnerId": owner.account_id,
        "ShareType": "Private",
        "ResourceGroupId": template.resource_group,
        "CreateTime": shown_time(version.created),
        "UpdateTime": shown_time(version.updated),
    }


class LibraryCalls:
    """Actions on templates that are kept."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    async def create(self, call: Call) -> Answer:
        """Answer CreateTemplate."""
        given = call.parameters
        body = decode_template(await read_template(self._ros, given, call.caller))
        template = await self._ros.library.create(
            required(call, "TemplateName"),
            body or required(call, "TemplateBody"),
            call.caller,
            description=given.get("Description", ""),
            resource_group=given.get("ResourceGroupId", ""),
            tags=read_tags(given),
        )
        return {"TemplateId": template.id}

    async def update(self, call: Call) -> Answer:
        """Answer UpdateTemplate."""
        given = call.parameters
        places = {name: given[name] for name in ("TemplateBody", "TemplateURL") if name in given}
        body = decode_template(await read_template(self._ros, places, call.caller))
        template = await self._ros.library.update(
            required(call, "TemplateId"),
            call.caller,
            name=given.get("TemplateName"),
            body=body or None,
            description=given.get("Description"),
            drop_oldest=given.get("RotateStrategy") == ROTATE,
        )
        return {"TemplateId": template.id, "TemplateVersion": template.latest.version}

    def delete(self, call: Call) -> Answer:
        """Answer DeleteTemplate."""
        self._ros.library.delete(required(call, "TemplateId"))
        return {}

    def list(self, call: Call) -> Answer:
        """Answer ListTemplates; templates of others, and the official ones, are not here."""
        given = call.parameters
        is_wanted = tag_filter(given)
        found = [
            each
            for each in self._ros.library.all()
            if given.get("ShareType", "Private") == "Private"
            and given.get("TemplateName", each.latest.name) == each.latest.name
            and given.get("ResourceGroupId", each.resource_group) == each.resource_group
            and is_wanted(each.tags)
        ]

        def show(each: StoredTemplate) -> Answer:
            shown = summarize_stored(self._ros.owner, each, each.latest)
            shown["CreateTime"] = shown_time(each.versions[0].created)
            return shown | ({"Tags": shown_tags(each.tags)} if switch(given, "IncludeTags") else {})

        return page(call, "Templates", found, show)

    def list_versions(self, call: Call) -> Answer:
        """Answer ListTemplateVersions, the newest first."""
        template, _ = self._ros.library.get(required(call, "TemplateId"))

        def show(each: TemplateVersion) -> Answer:
            return {
                "TemplateId": template.id,
                "TemplateName": each.name,
                "TemplateVersion": each.version,
                "Description": each.description,
                "CreateTime": shown_time(each.created),
                "UpdateTime": shown_time(each.updated),
            }

        return page_by_token(call, "Versions", template.versions[::-1], show)
