"""Tags of projects and logstores."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from localcloud.sls.errors import SlsError
from localcloud.sls.operations.logstores import Logstores

MAX_TAGS = 20  # of a resource (TagResources)
MAX_TEXT = 128  # characters of a key, and of a value (TagResources)


class Tags(Logstores):
    """The tags of projects and logstores."""

    def tags(self, project: str, logstore: str = "") -> Mapping[str, str]:
        """Return the tags of a logstore, or of a project when no logstore is named.

        Raises:
            SlsError: ProjectNotExist or LogStoreNotExist.
        """
        return self.logstore(project, logstore).tags if logstore else self.project(project).settings.tags

    def put_tags(self, tags: Mapping[str, str], project: str, logstore: str = "") -> None:
        """Add tags; one that is there gets the new value. See `tags`.

        Raises:
            SlsError: ParameterInvalid: a key or value is too long, a key is one of the platform's, or there are too many.
        """
        for key, value in tags.items():
            if not 0 < len(key) <= MAX_TEXT or len(value) > MAX_TEXT or key.startswith(("aliyun", "acs:")):
                raise SlsError(
                    "ParameterInvalid",
                    f"the tag {key[:80]!r} is invalid: keys have 1 to {MAX_TEXT} characters and begin with neither aliyun "
                    f"nor acs:, values have {MAX_TEXT} at most",
                )
        with self._lock:
            changed = {**self.tags(project, logstore), **tags}
            if len(changed) > MAX_TAGS:
                raise SlsError("ParameterInvalid", f"a resource has {MAX_TAGS} tags at most")
            self._put_tags(changed, project, logstore)

    def remove_tags(self, keys: Collection[str] | None, project: str, logstore: str = "") -> None:
        """Remove tags; None: all of them. See `tags`."""
        with self._lock:
            old = self.tags(project, logstore)
            kept = {} if keys is None else {key: value for key, value in old.items() if key not in keys}
            self._put_tags(kept, project, logstore)

    def _put_tags(self, tags: Mapping[str, str], project: str, logstore: str) -> None:
        if logstore:
            self._put(replace(self.logstore(project, logstore), tags=tags))
            return
        found = self.project(project)
        changed = replace(found, settings=replace(found.settings, tags=tags))
        self._save(replace(self._kept, projects={**self._kept.projects, project: changed}))
