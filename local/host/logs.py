"""Logging of the host and of the app: one line per record on standard error, with the invocation it belongs to."""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar

from azure_functions_runtime import invocation_id_cv

# Async functions run in the task that set this; sync ones run in a pool thread where the runtime sets its own.
current_invocation: ContextVar[str | None] = ContextVar("current_invocation", default=None)

# Libraries that log several lines per request at INFO and would drown the app's own lines.
_QUIET = ("azure", "azure.functions", "uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpcore")


class OneLineFormatter(logging.Formatter):
    """`<UTC time> <level> <logger> [<invocation>] <message>`; line breaks of tracebacks become a visible `\\n`."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        invocation = current_invocation.get() or invocation_id_cv.get()
        moment = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z"
        where = f"{record.name} [{invocation}]" if invocation else record.name
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        return f"{moment} {record.levelname} {where} {message}".replace("\n", "\\n")


def configure_logging(level: str) -> None:
    """Send everything to standard error; standard output carries the readiness line only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # What this client logs it also raises, and the pumps report it once; its own lines are tracebacks of retries.
    logging.getLogger("azure.servicebus.aio").setLevel(logging.CRITICAL)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
