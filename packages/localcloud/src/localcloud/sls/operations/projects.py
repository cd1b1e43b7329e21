"""Projects."""

from __future__ import annotations

from dataclasses import replace

from localcloud.sls.errors import SlsError
from localcloud.sls.model import Contents, Project, ProjectSettings
from localcloud.sls.operations.contents import ContentKeeper, check_name

MAX_DESCRIPTION = 512  # characters (ProjectFunctionTest of aliyun-log-java-sdk)


class Projects(ContentKeeper):
    """The projects of an account."""

    def create_project(self, name: str, settings: ProjectSettings) -> Project:
        """Make a project.

        Raises:
            SlsError: ParameterInvalid (name, description) or ProjectAlreadyExist.
        """
        check_name("project", name, "ParameterInvalid")
        _check(settings)
        with self._lock:
            if self._is_taken(name):
                raise SlsError("ProjectAlreadyExist", f"Project {name} already exist")
            now = self._clock()
            project = Project(name=name, settings=settings, created=now, modified=now)
            self._save(replace(self._kept, projects={**self._kept.projects, name: project}))
        return project

    def project(self, name: str) -> Project:
        """Return a project.

        Raises:
            SlsError: ProjectNotExist.
        """
        project = self._kept.projects.get(name)
        if project is None:
            raise SlsError("ProjectNotExist", f"The Project does not exist: {name}")
        return project

    def projects(self) -> list[Project]:
        """Return all projects, by name."""
        return [project for _, project in sorted(self._kept.projects.items())]

    def update_project(self, name: str, settings: ProjectSettings) -> Project:
        """Give a project other settings.

        Raises:
            SlsError: ParameterInvalid (description) or ProjectNotExist.
        """
        _check(settings)
        with self._lock:
            project = replace(self.project(name), settings=settings, modified=self._clock())
            self._save(replace(self._kept, projects={**self._kept.projects, name: project}))
        return project

    def delete_project(self, name: str) -> None:
        """Remove a project and all that it holds.

        Raises:
            SlsError: ProjectNotExist.
        """
        with self._lock:
            self.project(name)
            old = self._kept
            self._save(
                Contents(
                    projects={key: each for key, each in old.projects.items() if key != name},
                    logstores={key: each for key, each in old.logstores.items() if each.project != name},
                    indexes={key: each for key, each in old.indexes.items() if each.project != name},
                    groups={key: each for key, each in old.groups.items() if each.project != name},
                    descriptions={key: each for key, each in old.descriptions.items() if each.project != name},
                )
            )


def _check(settings: ProjectSettings) -> None:
    if len(settings.description) > MAX_DESCRIPTION:
        raise SlsError("ParameterInvalid", f"Invalid project description: '{settings.description[:1000]}'")
