"""What crosses our HTTP border about rollbacks, version 1."""

from collections import Counter
from datetime import datetime

from pydantic import Field

from shared.contracts.base import Contract
from shared.domain.errors import Conflict
from shared.domain.fleet.meter import Meter
from shared.domain.fleet.report import Result, checklist, is_going_back, result_of
from shared.domain.release.model import Release


class MeterView(Contract):
    """The moments of a rollback, UTC; null for what has not happened. Seconds count from the alert, or the request."""

    alert_id: str | None
    alert_fired_at: datetime | None
    alert_accepted_at: datetime | None
    requested_at: datetime
    decided_at: datetime | None
    first_write_at: datetime | None
    first_restored_at: datetime | None
    last_restored_at: datetime | None
    verified_at: datetime | None
    seconds_to_first_restored: float | None
    seconds_to_last_restored: float | None
    seconds_to_verified: float | None


class ResultView(Contract):
    """One circuit: `pending`, `restored`, `failed` or `untouched`, and what is said about it."""

    key: str
    result: str
    detail: str


class CheckView(Contract):
    """One line of the list of what has to be looked at."""

    what: str
    done: bool | None = Field(description="null where a person must look")
    detail: str


class RollbackReport(Contract):
    """What a rollback did. `undoes` is the release whose change went back."""

    release_id: str
    undoes: str
    phase: str
    reason: str
    critical: bool
    counts: dict[str, int] = Field(description="Targets by result; every key is there.")
    targets: list[ResultView]
    meter: MeterView | None
    checklist: list[CheckView]


def rollback_report_of(release: Release, alerts_firing: int | None = None) -> RollbackReport:
    """Raises Conflict for a release that is not going back."""
    if not is_going_back(release):
        raise Conflict(f"{release.release_id} was not asked to go back: it is {release.phase.value}")
    results = {target.key: result_of(release, target) for target in release.fleet}
    counts = Counter(results.values())
    return RollbackReport(
        release_id=release.release_id,
        undoes=release.undoes or release.release_id,
        phase=release.phase.value,
        reason=release.rollback_reason,
        critical=release.critical,
        counts={result.value: counts[result] for result in Result},
        targets=[
            ResultView(
                key=target.key,
                result=results[target.key].value,
                detail=f"changed since by {target.superseded_by}" if target.superseded_by else target.detail,
            )
            for target in sorted(release.fleet, key=lambda each: each.key)
        ],
        meter=_meter(release.meter) if release.meter else None,
        checklist=[
            CheckView(what=line.what, done=line.done, detail=line.detail) for line in checklist(release, alerts_firing)
        ],
    )


def _meter(meter: Meter) -> MeterView:
    begin = meter.alert.fired_at if meter.alert else meter.requested_at

    def seconds(at: datetime | None) -> float | None:
        return round((at - begin).total_seconds(), 3) if at else None

    return MeterView(
        alert_id=meter.alert.alert_id if meter.alert else None,
        alert_fired_at=meter.alert.fired_at if meter.alert else None,
        alert_accepted_at=meter.alert.accepted_at if meter.alert else None,
        requested_at=meter.requested_at,
        decided_at=meter.decided_at,
        first_write_at=meter.first_write_at,
        first_restored_at=meter.first_restored_at,
        last_restored_at=meter.last_restored_at,
        verified_at=meter.verified_at,
        seconds_to_first_restored=seconds(meter.first_restored_at),
        seconds_to_last_restored=seconds(meter.last_restored_at),
        seconds_to_verified=seconds(meter.verified_at),
    )
