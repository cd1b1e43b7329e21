"""What loggers write within an instance: the platform's form. Loaded once the function, or what it uses, imports `logging`.

Standard library only, Python 3.9 and later.
"""

from __future__ import annotations

import logging
import time

TYPE_CHECKING = False  # as type checkers take it; `typing` takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

LOG_FORMAT = "%(asctime)s.%(msecs)03dZ %(fc_request_id)s [%(levelname)s] %(message)s"


class LoggedRequest(logging.Filter):
    """Adds the id of the request that runs to what is logged.

    Args:
        running: returns the id.
    """

    def __init__(self, running: Callable[[], str]) -> None:
        super().__init__()
        self._running = running

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        record.fc_request_id = self._running()
        return True


def log_to(stream: TextIO, running: Callable[[], str]) -> None:
    """Have all loggers write to a stream in the platform's form.

    Args:
        stream: the stream.
        running: returns the id of the request that runs.
    """
    handler, formatter = logging.StreamHandler(stream), logging.Formatter(LOG_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(LoggedRequest(running))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
