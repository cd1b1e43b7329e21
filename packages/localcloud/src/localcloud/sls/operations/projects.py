"""Projects."""

from __future__ import annotations

from dataclasses import replace

from localcloud.sls.errors import SlsError
from localcloud.sls.model import Contents, Project, ProjectSettings
from localcloud.sls.operations.contents import ContentKeeper, check_name


class Projects(ContentKeeper):
    """The projects of an account."""

    def create_project(self, name: str, settings: ProjectSettings) -> Project:
        """Make a project.

        Raises:
            SlsError: ParameterInvalid (name) or ProjectAlreadyExist.
        """
        check_name("project", name)
        with self._lock:
            if self._is_taken(name):
                raise SlsError("ProjectAlreadyExist", f"project {name} already exists")
            now = self._clock()
            project = Project(name=name, settings=settings, created=now, modified=now)
            self._save(replace(self._contents, projects={**self._contents.projects, name: project}))
        return project

    def project(self, name: str) -> Project:
        """Return a project.

        Raises:
            SlsError: ProjectNotExist.
        """
        project = self._contents.projects.get(name)
        if project is None:
            raise SlsError("ProjectNotExist", f"project {name} does not exist")
        return project

    def projects(self) -> list[Project]:
        """Return all projects, by name."""
        return [project for _, project in sorted(self._contents.projects.items())]

    def update_project(self, name: str, settings: ProjectSettings) -> Project:
        """Give a project other settings.

        Raises:
            SlsError: ProjectNotExist.
        """
        with self._lock:
            project = replace(self.project(name), settings=settings, modified=self._clock())
            self._save(replace(self._contents, projects={**self._contents.projects, name: project}))
        return project

    def delete_project(self, name: str) -> None:
        """Remove a project and all that it holds.

        Raises:
            SlsError: ProjectNotExist.
        """
        with self._lock:
            self.project(name)
            old = self._contents
            self._save(
                Contents(
                    projects={key: each for key, each in old.projects.items() if key != name},
                    logstores={key: each for key, each in old.logstores.items() if each.project != name},
                    indexes={key: each for key, each in old.indexes.items() if each.project != name},
                    groups={key: each for key, each in old.groups.items() if each.project != name},
                )
            )
