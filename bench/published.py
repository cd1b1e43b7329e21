"""Starts of other ways that cannot be measured here, as their vendor publishes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """Published seconds of one way, and the page that holds them."""

    label: str
    seconds: float  # in all, until the application has started
    without: float  # seconds, likewise, of the same image as a whole
    source: str
    source_date: str
    title: str


# Images that load on demand (DADI, overlaybd). Function Compute's own pages give a share, and no seconds.
ACCELERATED_IMAGE = Published(
    label="an accelerated container image of 1.34 GB (published, not measured here)",
    seconds=9.0,
    without=38.0,
    source="https://www.alibabacloud.com/help/doc-detail/2835665.html",
    source_date="2026-03-26",
    title="Use on-demand image loading to accelerate container startup",
)
SHARE_SOURCE = (
    "https://www.alibabacloud.com/help/id/functioncompute/fc-2-0/user-guide/"
    "accelerate-startup-of-images-of-container-registry-personal-edition"
)
SHARE_DATE = "2025-12-15"


def explain() -> str:
    """Return the paragraph that says what the published figures are."""
    image = ACCELERATED_IMAGE
    return (
        "The accelerated image is not measured here: there is no such platform on this machine. The seconds are those that "
        "Alibaba Cloud publishes for an image of 1.34 GB in its Container Compute Service, where it takes "
        f"{image.without:.0f} s as a whole ([{image.title}]({image.source}), page of {image.source_date}): another application, "
        "other hardware, and a network that the page does not name. For Function Compute it publishes no seconds: its "
        "acceleration of images that lie in a registry of the vendor's takes about 90 % off starts of images above 1 GB, from "
        f"minutes to seconds ([page of {SHARE_DATE}]({SHARE_SOURCE}))."
    )
