"""Declarations of properties that several services have."""

from __future__ import annotations

from localcloud.ros.resources.provider import Property

STRING = Property(kind="string")
TAGS = Property(
    kind="list",
    maximum=20,
    items=Property(kind="map", fields={"Key": Property(kind="string", required=True), "Value": STRING}),
)
