"""What every context needs from the outside. All times are UTC and aware.

Adapters are in `shared/adapters`, fakes in `tests/fakes`; one contract suite runs on both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Clock(Protocol):
    """The only way to read the time."""

    def now(self) -> datetime:
        """UTC, aware."""


class Pace(Protocol):
    """Whose turn it is, at what allows only so many requests a second to all instances of the app together."""

    async def turn(self) -> None:
        """Waits. Raises PlatformThrottled when that would take too long, TransientFault without an answer."""

    async def closed_for(self, seconds: float) -> None:
        """No turn before so many seconds have passed."""


class FactPublisher(Protocol):
    """Publishes facts: CloudEvents that say what happened, for receivers outside."""

    async def publish(self, fact_id: str, kind: str, subject: str, data: dict[str, str], at: datetime) -> None:
        """`fact_id` is the CloudEvent's id: receivers drop duplicates by it."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured, and above which number it is wrong; None where nothing was."""

    measure: str
    value: float | None = None
    bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class OwnFinding:
    """Something wrong that the app itself found.

    `finding_id` is the same for every repetition; `rule` is its name in the alert rules of `config/policies.yml`;
    `severity` is 0 to 4 as in Azure Monitor, 0 the worst. `record` names what it was read from, which is why nobody has
    to confirm it. `circuit` is `P001/C001`, empty for what is about no circuit.
    """

    finding_id: str
    rule: str
    severity: int
    found_at: datetime
    record: str
    circuit: str = ""
    measured: tuple[Measured, ...] = ()


class FindingLog(Protocol):
    """Where findings become alerts, which are decided on like those from outside."""

    async def report(self, finding: OwnFinding) -> None:
        """Makes the finding durable and has it looked at; the same one again does nothing. Raises TransientFault."""


class IntakeResult(StrEnum):
    """What became of something that came in and led to no release event."""

    UNKNOWN_TYPE = "unknown_type"
    REFUSED = "refused"
    NOT_OURS = "not_ours"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"


class IntakeLog(Protocol):
    """Nothing accepted is lost: what leads to no release event is recorded with its reason (I13)."""

    async def record(self, intake_id: str, result: IntakeResult, subject: str, reason: str, at: datetime) -> None:
        """Recording the same id again is fine."""


class SourceControl(Protocol):
    """The repository that holds the configuration."""

    async def read(self, path: str) -> str:
        """The file on the main branch. Raises PlatformRefused when there is none, TransientFault without an answer."""

    async def propose(self, files: Mapping[str, str], *, branch: str, title: str, body: str) -> str:
        """Makes the branch, its one commit with these texts by path, and its pull request, as far as they are missing;
        returns its address. A branch has one pull request at most, also after that was closed: then it is the answer.
        Raises the errors of `read`."""
