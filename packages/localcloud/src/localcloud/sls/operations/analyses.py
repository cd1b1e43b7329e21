"""Analyses: SQL over the logs that a search finds."""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.sls.analysis.process import Analysis, analyze
from localcloud.sls.errors import SlsError
from localcloud.sls.operations.consumers import Consumers
from localcloud.sls.operations.logs import Search
from localcloud.sls.search.index import Rules
from localcloud.sls.search.matching import compile_query
from localcloud.sls.search.parsing import parse
from localcloud.sls.store.logs import key_of


class Analyses(Consumers):
    """The analyses of logs."""

    def analyze(
        self, project: str, search: Search, statement: str, *, logstore: str = "", among: Sequence[str] = ()
    ) -> Analysis:
        """Return the answer to an analytic statement.

        Args:
            project: the project.
            search: the logs that it is about.
            statement: the statement.
            logstore: the one that it is about when it names none; empty: it has to.
            among: others that it may name, as far as they have an index.

        Raises:
            SlsError: ProjectNotExist, LogStoreNotExist, IndexConfigNotExist, InvalidTimeRange, InvalidQueryString, ParameterInvalid
                or NotImplemented.
        """
        sources = {name: source for name in among if (source := self._source(project, name))}
        if logstore:
            compile_query(parse(search.query), Rules.of(self.index(project, logstore).document))
            source = self._source(project, logstore)
            if source is None:
                raise SlsError("ParameterInvalid", f"the logstore {logstore} is of a mode whose logs are not analyzed")
            sources[logstore] = source
        if search.begin >= search.end:
            raise SlsError("InvalidTimeRange", "request time range is invalid: it begins when it has ended")
        return analyze(
            {
                "database": str(self._logs.path),
                "logstores": sources,
                "default": logstore,
                "search": {"begin": search.begin, "end": search.end, "topic": search.topic, "query": search.query},
                "statement": statement,
                "now": self._clock(),
            }
        )

    def _source(self, project: str, name: str) -> dict[str, object] | None:
        """Return a logstore as an analysis needs it; None: its logs are not analyzed."""
        logstore, index = self.logstore(project, name), self._kept.indexes.get((project, name))
        if index is None or logstore.settings.mode != "standard":
            return None
        return {"key": key_of(logstore), "live": self._live(logstore), "index": index.document}
