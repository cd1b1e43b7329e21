"""The log project of a function."""

from __future__ import annotations

from ros_cdk_core import Construct
from ros_cdk_sls import Index, IndexProps, Logstore, LogstoreProps, Project, ProjectProps, RosIndex

from heavylift.cdk.names import log_project_name, logical_id

LOGSTORE = "function"
RETENTION = 30  # days


class FunctionLogs(Construct):
    """A log project with one indexed log store.

    Args:
        scope: the function.
        id_: the function's id, which the resources' begin with.
        function: the function's name.
        description: of the project.
    """

    def __init__(self, scope: Construct, id_: str, *, function: str, description: str) -> None:
        super().__init__(scope, "Logs")
        self.project_name = log_project_name(function)
        project = Project(
            self, logical_id(id_, "Project"), ProjectProps(name=self.project_name, description=description)
        )
        logstore = Logstore(
            self,
            logical_id(id_, "Logstore"),
            LogstoreProps(project_name=project.attr_name, logstore_name=LOGSTORE, ttl=RETENTION),
        )
        self.index = Index(
            self,
            logical_id(id_, "Index"),
            IndexProps(
                project_name=project.attr_name,
                logstore_name=logstore.attr_logstore_name,
                full_text_index=RosIndex.FullTextIndexProperty(enable=True),
            ),
        )
        self.project = project.attr_name
        self.logstore = logstore.attr_logstore_name
