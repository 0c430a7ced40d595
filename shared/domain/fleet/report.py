"""What a rollback did: the result of every target and the list of what has to be looked at afterwards."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.fleet.lanes import places
from shared.domain.release.model import FleetTarget, Kind, Phase, Progress, Release

_AFTER = (Phase.VERIFYING_ROLLBACK, Phase.ROLLED_BACK)


class Result(StrEnum):
    """What became of one target of a rollback."""

    PENDING = "pending"
    RESTORED = "restored"
    FAILED = "failed"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the list; `done` is None where a person must look."""

    what: str
    done: bool | None
    detail: str = ""


def is_going_back(release: Release) -> bool:
    """Whether there is anything to report: a rollback was asked for, or began."""
    return release.kind is Kind.ROLLBACK or release.meter is not None or bool(release.rollback_reason)


def result_of(release: Release, target: FleetTarget) -> Result:
    """Production was read back before verifying begins, so from then on what was touched is restored."""
    if target.superseded_by:
        return Result.UNTOUCHED
    phase = release.held_phase if release.phase is Phase.HELD else release.phase
    if phase in _AFTER:
        return Result.RESTORED if target.touched else Result.UNTOUCHED
    if target.goal is Phase.ROLLING_BACK:
        ended = {Progress.DONE: Result.RESTORED, Progress.FAILED: Result.FAILED}
        return ended.get(target.progress, Result.PENDING)
    return Result.PENDING if target.touched or release.kind is Kind.ROLLBACK else Result.UNTOUCHED


def checklist(release: Release, alerts_firing: int | None = None) -> tuple[Check, ...]:
    """The list of R-BACK-19 to R-BACK-22 and R-BACK-28: what was done and what is left to people.

    `alerts_firing` is how many alerts about these circuits fire now; None when nobody knows.
    """
    results = [result_of(release, target) for target in release.fleet]
    restored, wanted = results.count(Result.RESTORED), len(results) - results.count(Result.UNTOUCHED)
    ended = release.phase is Phase.ROLLED_BACK
    sampled = places(release, Progress.DONE).bit_count() if release.phase is Phase.VERIFYING_ROLLBACK else None
    samples = release.policy.limits.rollback_samples_max
    return (
        Check(
            what="every changed deployment runs what ran before, read back from Azure ML",
            done=restored == wanted and bool(restored),
            detail=f"{restored} of {wanted} restored, {results.count(Result.UNTOUCHED)} untouched",
        ),
        Check(
            what="sample batch inference on restored deployments",
            done=ended,
            detail=f"{min(samples, restored) if ended else sampled or 0} of {min(samples, wanted)} ended well",
        ),
        _alerts(alerts_firing),
        Check(what="error logs of the batch jobs since the rollback", done=None),
        Check(what="root cause found and written down", done=None),
        Check(what="fix tested, and released as a new version", done=None),
    )


def _alerts(firing: int | None) -> Check:
    what = "alerts about these circuits end: watch them for 2 to 4 hours"
    if firing is None:
        return Check(what=what, done=None, detail="Azure Monitor does not answer: look there")
    return Check(what=what, done=None if firing == 0 else False, detail=f"{firing} still fire")
