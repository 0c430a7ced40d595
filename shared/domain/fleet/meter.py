"""How long a rollback takes, from the alert to the last restored and verified circuit. All times are UTC."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class AlertSeen:
    """The alert a rollback follows: when it fired, by Azure Monitor's word, and when this app accepted it."""

    alert_id: str
    fired_at: datetime
    accepted_at: datetime


@dataclass(frozen=True, kw_only=True)
class Meter:
    """The moments of one rollback; None for what has not happened. `first_write_at` is when Azure ML took the first
    change, `verified_at` when the sample inferences had ended well. `alert` is the one that is timed, `alerts` are the
    ids of all that led to this rollback: none of them leads to another (I20)."""

    requested_at: datetime
    alert: AlertSeen | None = None
    alerts: tuple[str, ...] = ()
    decided_at: datetime | None = None
    first_write_at: datetime | None = None
    first_restored_at: datetime | None = None
    last_restored_at: datetime | None = None
    verified_at: datetime | None = None
