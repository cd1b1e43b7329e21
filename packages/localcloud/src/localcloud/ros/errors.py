"""What the embedded ROS answers when it cannot do what it is asked."""

from __future__ import annotations

from localcloud.kernel.errors import ApiError


class RosError(ApiError):
    """An error with a code of the ROS API ("API overview", "Error codes")."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message, status)


class TemplateError(RosError):
    """A template, or a value given for one of its parameters, is not valid.

    Args:
        message: what is wrong, and where.
        code: of the API, where it documents a special one ("CreateStack", "Error codes").
    """

    def __init__(self, message: str, *, code: str = "StackValidationFailed") -> None:
        super().__init__(code, message)


class ResourceError(Exception):
    """A resource cannot be created, updated or deleted; the text becomes the reason of its event.

    Attributes:
        physical_id: of what a failed creation left, which has to be deleted; empty: nothing.
    """

    def __init__(self, reason: str, *, physical_id: str = "") -> None:
        super().__init__(reason)
        self.physical_id = physical_id


class RefusedError(ResourceError):
    """Whoever asks may not do what a change of a resource needs; nothing of it was done."""
