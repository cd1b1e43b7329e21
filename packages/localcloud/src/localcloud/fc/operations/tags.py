"""Tags of services (FC 2.0) and functions (FC 3.0), by the ARNs of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from localcloud.fc.errors import FcError
from localcloud.fc.model import Settings
from localcloud.fc.operations.functions import FunctionOperations
from localcloud.fc.operations.services import ServiceOperations
from localcloud.fc.platform import MAX_TAGS
from localcloud.fc.store.resources import FcStore


class TagOperations:
    """The tags of the account.

    Args:
        store: keeps them.
        services: may have some.
        functions: may have some.
        settings: name the region and the account.
    """

    def __init__(
        self, store: FcStore, *, services: ServiceOperations, functions: FunctionOperations, settings: Settings
    ) -> None:
        self._store = store
        self._services = services
        self._functions = functions
        self._settings = settings

    def resource(self, arn: str) -> str:
        """Return the path of what an ARN names: `services/S` or `functions/F`.

        Raises:
            FcError: InvalidArgument, ServiceNotFound, FunctionNotFound.
        """
        start = f"acs:fc:{self._settings.region}:{self._settings.account_id}:"
        path = arn.removeprefix(start).lower().startswith(("services/", "functions/")) and arn.removeprefix(start)
        kind, _, name = (path or "").partition("/")
        if not name or "/" in name:
            raise FcError(
                "InvalidArgument", f"resourceArn is {arn[:200]!r}; expected {start}services/NAME or functions/NAME"
            )
        if kind == "services":
            self._services.get(name)
        else:
            self._functions.get(f"functions/{name}")
        return f"{kind}/{name}"

    def arn(self, path: str) -> str:
        """Return the ARN of a service or a function."""
        return f"acs:fc:{self._settings.region}:{self._settings.account_id}:{path}"

    def get(self, path: str) -> Mapping[str, str]:
        """Return the tags of a service or function, by its path."""
        return self._store.tags.get(path, {})

    def all(self) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of all that has some, by paths in their order."""
        return dict(sorted(self._store.tags.items()))

    def add(self, path: str, tags: Mapping[str, str]) -> None:
        """Give tags to a service or function; those of the same keys get other values.

        Raises:
            FcError: InvalidArgument: there would be too many.
        """
        after = {**self.get(path), **tags}
        if len(after) > MAX_TAGS:
            raise FcError("InvalidArgument", f"{path} would have {len(after)} tags; at most {MAX_TAGS} are allowed")
        if not all(after):
            raise FcError("InvalidArgument", "a tag has no key")
        self._store.tags[path] = after
        self._store.save()

    def remove(self, path: str, keys: Iterable[str] | None) -> None:
        """Take tags away; None: all."""
        gone = set(self.get(path) if keys is None else keys)
        left = {key: value for key, value in self.get(path).items() if key not in gone}
        if left:
            self._store.tags[path] = left
        else:
            self._store.tags.pop(path, None)
        self._store.save()
