"""Events of stacks in the API."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import (
    numbered,
    required,
)
from localcloud.ros.api.encoding import page, shown_time
from localcloud.ros.model import Event
from localcloud.ros.operations.service import RosService


class EventCalls:
    """Actions on events."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    def list_events(self, call: Call) -> Answer:
        """Answer ListStackEvents."""
        given = call.parameters
        stack = self._ros.stacks.get(required(call, "StackId"))
        states, kinds = numbered(given, "Status"), numbered(given, "ResourceType")
        logical_ids = numbered(given, "LogicalResourceId")
        found = [
            event
            for event in reversed(stack.events)
            if (not states or event.status in states)
            and (not kinds or event.type in kinds)
            and (not logical_ids or event.logical_id in logical_ids)
        ]

        def render(event: Event) -> Answer:
            return {
                "EventId": event.event_id,
                "StackId": stack.id,
                "StackName": stack.name,
                "LogicalResourceId": event.logical_id,
                "PhysicalResourceId": event.physical_id,
                "ResourceType": event.type,
                "Status": event.status,
                "StatusReason": event.reason,
                "CreateTime": shown_time(event.created),
            }

        return page(call, "Events", found, render)
