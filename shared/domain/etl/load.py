"""The load of the sensor table: which window of the day a moment belongs to, and what the last load's end means.

A day has eight windows of three hours, each with one job whose name follows from the window, so that whoever submits it
and however often, it runs once. A load deals with everything that no load has dealt with, so a window that failed or
was missed is made good by the next one: it is told of, not repeated. See R-DATA-6 and R-DATA-10.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.domain.job_ends import JobEnded, ended

WINDOW = timedelta(hours=3)

EARLY = timedelta(minutes=1)
"""A timer may fire a moment before its time; what is that close to the next window belongs to it."""


def window_of(now: datetime) -> datetime:
    """The begin of the window that `now` belongs to, in UTC. A timer that fires late is still in its window."""
    if now.tzinfo is None:
        raise ValueError("a moment without time zone belongs to no window")
    moment = now.astimezone(UTC) + EARLY
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // WINDOW * WINDOW


def before(window: datetime) -> datetime:
    """The window before this one."""
    return window - WINDOW


def job_name(window: datetime) -> str:
    """The name of the window's job: `sensor-etl-20251209t0300z`."""
    return f"sensor-etl-{window:%Y%m%dt%H%Mz}"


class LoadEnd(StrEnum):
    """How the load of a window went."""

    DONE = "done"
    NOT_CLEAN = "not_clean"  # it is done, and there were files or rows that were not loaded
    FAILED = "failed"
    MISSING = "missing"  # nobody submitted it
    LATE = "late"  # it still waits or runs when the next window begins


@dataclass(frozen=True, kw_only=True)
class LoadSummary:
    """What a load says of itself: files in quarantine, rows of closed days that were not applied, warnings."""

    quarantined: int = 0
    violations: int = 0
    late_rows: int = 0
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that people should hear about a window; `severity` as of all alerts: 1 is the worst."""

    end: LoadEnd
    severity: int
    reason: str


def judge(status: str | None, detail: str, summary: LoadSummary | None) -> Finding | None:
    """What there is to tell of a window whose time is over; nothing when its load is done and clean.

    `status` is Azure ML's word, None for a job that does not exist; `summary` is None where the load left none.
    """
    if status is None:
        return Finding(
            end=LoadEnd.MISSING, severity=2, reason="the load was never submitted; the next one makes it good"
        )
    end = ended(status)
    if end is None:
        return Finding(end=LoadEnd.LATE, severity=2, reason=f"the load is still {status}: {detail}")
    if end is not JobEnded.COMPLETED:
        said = "; ".join(summary.problems) if summary else ""
        return Finding(end=LoadEnd.FAILED, severity=1, reason=f"the load ended as {status}: {said or detail}")
    if summary is None:
        return Finding(end=LoadEnd.NOT_CLEAN, severity=2, reason=f"the load left no report: {detail}")
    counts = (
        (summary.quarantined, "file(s) in quarantine"),
        (summary.violations, "row(s) that differ from a closed day"),
        (summary.late_rows, "row(s) that came after their day was closed"),
    )
    said = "; ".join([*(f"{count} {what}" for count, what in counts if count), *summary.warnings])
    return Finding(end=LoadEnd.NOT_CLEAN, severity=3, reason=said) if said else None
