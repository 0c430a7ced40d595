"""What is counted: a line of the log that carries a number, and where it belongs.

One statement tells people and the alert rules of Azure Monitor alike: `log.warning("...", extra=measured(...))`. In
Azure an adapter turns the line into a metric of OpenTelemetry; the local host adds the numbers up itself. Names and
dimensions are what the rules of `infra/modules/alert_rules.bicep` ask for.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Metric(StrEnum):
    """Every number that the app tells; `switchyard.` stands before it as the name of a metric."""

    FINDINGS = "findings"
    """Something wrong that the app found; dimension `rule`."""
    EXCESS = "excess"
    """What a finding measured, divided by its bound: above 1 is wrong; dimensions `rule` and `measure`."""
    SCORING_ERRORS = "scoring_errors"
    """A batch job ended and left nothing of use."""
    HELD = "releases_held"
    """A release was held; dimension `release_kind`."""
    GATES_ENDING = "gates_ending"
    """Gates that end soon and nobody has decided on, in one sweep."""
    DEAD_LETTERS = "dead_letters"
    """A message that could not be processed; dimension `queue`."""
    SWEEPS = "sweeps"
    """A sweep went through; dimension `sweep`."""
    ROLLBACK_BEGUN = "rollback_begun_s"
    """Seconds from the alert to the first write of a rollback; dimension `release_kind`."""
    ROLLBACK_DONE = "rollback_done_s"
    """Seconds from the request to the last restored circuit; dimension `release_kind`."""


FIELD = "measured"
"""The field of a log record that says which number the line carries; `VALUE` has it, all others are dimensions."""
VALUE = "measured_value"
DIMENSIONS = ("plant_id", "circuit_id", "release_kind", "rule", "measure", "queue", "sweep")


def measured(measure: Metric, value: float = 1, /, *, circuit: str = "", **dimensions: str) -> Mapping[str, Any]:
    """For `extra=` of a log line. `circuit` is `P001/C001`; empty for what is about no circuit."""
    plant, _, name = circuit.partition("/")
    where = {"plant_id": plant, "circuit_id": name} if name else {}
    return MappingProxyType({FIELD: measure.value, VALUE: float(value), **where, **dimensions})
