"""Events of objects, told to subscribers such as the triggers of functions."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.oss.model import ObjectEvent, Part, StoredObject, Upload

Subscriber = Callable[[ObjectEvent], None]


class Events:
    """The subscribers of a service.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have every event told to a function, after the change is durable, in the thread that caused it."""
        self._subscribers.append(subscriber)

    def tell(self, name: str, item: StoredObject, requester: str) -> None:
        """Tell all subscribers of a change.

        Args:
            name: the event's, `ObjectCreated:PutObject`.
            item: the object, as it is or was.
            requester: the id of the principal that caused it.
        """
        self._tell(name, item, item.size, item.etag, requester)

    def tell_of_upload(self, name: str, upload: Upload, requester: str, part: Part | None = None) -> None:
        """Tell all subscribers of a step of a multipart upload: there is no object of it yet.

        Args:
            name: the event's, `ObjectCreated:UploadPart`.
            upload: the upload.
            requester: the id of the principal that caused it.
            part: whose size and entity tag are told; None: 0 and none (assumed).
        """
        self._tell(name, upload, part.size if part else 0, part.etag if part else "", requester)

    def _tell(self, name: str, place: StoredObject | Upload, size: int, etag: str, requester: str) -> None:
        event = ObjectEvent(
            name=name,
            bucket=place.bucket,
            key=place.key,
            size=size,
            etag=etag,
            time=self._clock(),
            requester=requester,
        )
        for subscriber in self._subscribers:
            subscriber(event)
