"""The log project of the function."""

from __future__ import annotations

from ros_cdk_core import Construct
from ros_cdk_sls import Index, IndexProps, Logstore, LogstoreProps, Project, ProjectProps, RosIndex

from heavylift.cdk.names import log_project_name
from heavylift.cdk.settings import Settings

LOGSTORE = "function"
RETENTION = 30  # days


class FunctionLogs(Construct):
    """A log project with one indexed log store.

    Args:
        scope: the stack.
        settings: of the stack.
    """

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        super().__init__(scope, "Logs")
        self.project_name = log_project_name(settings)
        description = f"Logs of the stack {settings.stack_name}"
        project = Project(self, "Project", ProjectProps(name=self.project_name, description=description))
        logstore = Logstore(
            self, "Logstore", LogstoreProps(project_name=project.attr_name, logstore_name=LOGSTORE, ttl=RETENTION)
        )
        self.index = Index(
            self,
            "Index",
            IndexProps(
                project_name=project.attr_name,
                logstore_name=logstore.attr_logstore_name,
                full_text_index=RosIndex.FullTextIndexProperty(enable=True),
            ),
        )
        self.project = project.attr_name
        self.logstore = logstore.attr_logstore_name
