"""What people are told of. Urgency follows from what happened; only a finding brings its own."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum


class What(StrEnum):
    """Everything that a rule of `config/notifications.yml` can name."""

    GATE_OPENED = "gate_opened"
    GATE_REMINDER = "gate_reminder"  # half of its time is over, or its end is near
    GATE_ESCALATED = "gate_escalated"  # its end is near, and the contacts hear of it
    EXPIRED = "expired"
    HELD = "held"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"  # by itself or because somebody asked: production goes back
    ROLLED_BACK = "rolled_back"
    BUDGET_MISSED = "budget_missed"  # a rollback takes, or took, longer than it may
    RELEASED = "released"
    REJECTED = "rejected"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"
    ALERT_ASKS = "alert_asks"  # an alert that people have to decide on
    ALERT_ACTED = "alert_acted"  # an alert that had something roll back
    FINDING = "finding"  # failed jobs, degradation, drift, a failed load
    TRAINING_FAILED = "training_failed"
    TRAINING_FAILURES = "training_failures"  # too many of them


class Urgency(IntEnum):
    """The higher, the worse. Only what is critical is told within quiet hours."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2


SEVERITIES = {
    What.GATE_OPENED: Urgency.INFO,
    What.GATE_REMINDER: Urgency.WARNING,
    What.GATE_ESCALATED: Urgency.WARNING,
    What.EXPIRED: Urgency.WARNING,
    What.HELD: Urgency.WARNING,
    What.FAILED: Urgency.WARNING,
    What.ROLLING_BACK: Urgency.CRITICAL,
    What.ROLLED_BACK: Urgency.WARNING,
    What.BUDGET_MISSED: Urgency.CRITICAL,
    What.RELEASED: Urgency.INFO,
    What.REJECTED: Urgency.INFO,
    What.ABORTED: Urgency.INFO,
    What.SUPERSEDED: Urgency.INFO,
    What.ALERT_ASKS: Urgency.CRITICAL,
    What.ALERT_ACTED: Urgency.CRITICAL,
    What.FINDING: Urgency.WARNING,
    What.TRAINING_FAILED: Urgency.WARNING,
    What.TRAINING_FAILURES: Urgency.WARNING,
}
"""How bad each is by itself. A hold that left production touched is critical, and a finding says it itself."""


@dataclass(frozen=True, kw_only=True)
class Still:
    """It is worth telling only while the release is in one of these phases, which began at `since` if that is said."""

    release_id: str
    phases: tuple[str, ...]
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class News:
    """One thing to tell, in the words that everybody reads. `item_id` is the same for every repetition, so that nobody
    is told twice; `facts` are names and values; `path` is where the board shows it; `circuits` are like `P001/C001`;
    `still` says whether it is worth telling later."""

    item_id: str
    what: What
    severity: Urgency
    at: datetime
    subject: str
    text: str
    facts: dict[str, str] = field(default_factory=dict)
    release_id: str = ""
    kind: str = ""
    circuits: tuple[str, ...] = ()
    path: str = ""
    still: Still | None = None


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An item with whom it asks, and until when: `groups` must still decide, and after `ends_at` nobody can. It is told
    at `due_at` and not before; without that, when it happened."""

    item: News
    groups: tuple[str, ...] = ()
    ends_at: datetime | None = None
    due_at: datetime | None = None
