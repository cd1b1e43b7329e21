"""Events of objects, told to subscribers such as the triggers of functions."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.oss.model import ObjectEvent, StoredObject

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
        event = ObjectEvent(
            name=name,
            bucket=item.bucket,
            key=item.key,
            size=item.size,
            etag=item.etag,
            time=self._clock(),
            requester=requester,
        )
        for subscriber in self._subscribers:
            subscriber(event)
