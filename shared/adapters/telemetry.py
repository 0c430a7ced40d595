"""Lines of the log that carry a number become metrics of OpenTelemetry, which the platform exports to Azure Monitor.

`host.json` turns OpenTelemetry on, and the app setting PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY has the worker set
up the exporter. Where nobody does, as on one machine, the interface of OpenTelemetry does nothing. Metrics are never
sampled.
"""

import logging
from collections.abc import Callable

from shared.measures import DIMENSIONS, FIELD, VALUE

QUIET = ("azure.core.pipeline.policies.http_logging_policy", "azure.identity", "azure.monitor.opentelemetry")
"""Loggers of SDKs that write several lines for each request at INFO."""

Teller = Callable[[float, dict[str, str]], None]


class MeasuringHandler(logging.Handler):
    """Counts what a line carries, whatever the level of its logger lets through."""

    def __init__(self, number: Callable[[str], Teller] | None = None) -> None:
        super().__init__()
        self._number = number or _of_open_telemetry
        self._numbers: dict[str, Teller] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a number that cannot be told must not stop what it is about."""
        name = getattr(record, FIELD, None)
        if not isinstance(name, str):
            return
        try:
            if name not in self._numbers:
                self._numbers[name] = self._number(name)
            dimensions = {key: str(getattr(record, key)) for key in DIMENSIONS if getattr(record, key, "")}
            self._numbers[name](float(getattr(record, VALUE, 1)), dimensions)
        except Exception:
            self.handleError(record)


def _of_open_telemetry(name: str) -> Teller:
    """A histogram: Azure Monitor keeps sum, count, smallest and largest of a minute for each set of dimensions."""
    from opentelemetry import metrics  # some hundredths of a second, when the first number is told

    return metrics.get_meter("switchyard").create_histogram(f"switchyard.{name}").record


def set_up() -> None:
    """Adds the handler to the root logger, once, and quiets the SDKs."""
    root = logging.getLogger()
    if not any(isinstance(each, MeasuringHandler) for each in root.handlers):
        root.addHandler(MeasuringHandler())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
