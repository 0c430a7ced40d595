"""Rules of holding, watching and rolling back an environment release."""

from datetime import datetime

from shared.domain import events as e
from shared.domain.eligibility import check_operator
from shared.domain.errors import InvalidRequest
from shared.domain.fleet.engine import roll_back
from shared.domain.fleet.work import of_progress, told
from shared.domain.model import FleetTarget, Phase, Progress, Release
from shared.domain.moves import Move, end, enter


def abort_requested(release: Release, event: e.AbortRequested, now: datetime) -> Move:
    """Aborting always works. What was changed is put back first; where that was tried in vain, it is listed instead."""
    check_operator(release, event.actor)
    if not event.reason.strip():
        raise InvalidRequest("aborting needs a reason: the next person on call will read it")
    note = f"{event.actor.name} aborted: {event.reason}"
    if left := _cannot_be_put_back(release):
        return end(release, Phase.ABORTED, now, f"{note}; {len(left)} deployments were not put back: {told(left)}")
    return _end_or_roll_back(release, Phase.ABORTED, now, note)


def retry_requested(release: Release, event: e.RetryRequested, now: datetime) -> Move:
    """A new attempt of the held step; of work on targets only what is not done."""
    check_operator(release, event.actor)
    phase = release.held_phase or Phase.VERIFYING
    note = f"{event.actor.name} has {phase.value} tried again" + (f": {event.reason}" if event.reason else "")
    return enter(release, phase, now, note, attempt=release.attempt + 1, held_phase=None)


def hold_expired(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """Nobody ended the hold."""
    return _end_or_roll_back(release, Phase.EXPIRED, now, "nobody ended the hold before its deadline")


def watched(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The watch is over and nothing spoke against the environment."""
    return end(release, Phase.RELEASED, now, f"production runs {release.asset} and was watched")


def _cannot_be_put_back(release: Release) -> list[FleetTarget]:
    """What a roll-back gave up, once it has nothing else left to try."""
    if release.phase is not Phase.HELD or release.held_phase is not Phase.ROLLING_BACK:
        return []
    return [] if of_progress(release, Progress.WAITING, Progress.CHANGING) else of_progress(release, Progress.FAILED)


def _end_or_roll_back(release: Release, ending: Phase, now: datetime, note: str) -> Move:
    if not release.production_touched:
        return end(release, ending, now, f"{note}; production was not touched")
    return roll_back(release, ending, now, note)
