"""Rules of aborting an environment release, and of a hold that nobody ended."""

from datetime import datetime

from shared.domain.fleet.lanes import of_progress, told
from shared.domain.fleet.targets import roll_back
from shared.domain.release import events as e
from shared.domain.release.model import FleetTarget, Phase, Progress, Release
from shared.domain.release.moves import Move, end
from shared.domain.release.rules_endings import abort_note


def abort_requested(release: Release, event: e.AbortRequested, now: datetime) -> Move:
    """Aborting always works. What was changed is put back first; where that was tried in vain, it is listed instead."""
    note = abort_note(release, event)
    if left := _cannot_be_put_back(release):
        return end(release, Phase.ABORTED, now, f"{note}; {len(left)} deployments were not put back: {told(left)}")
    if release.ending is Phase.ABORTED and release.held_phase is Phase.VERIFYING_ROLLBACK:
        return end(release, Phase.ABORTED, now, f"{note}; all was put back, and nobody knows whether it works since")
    return _end_or_roll_back(release, Phase.ABORTED, now, note)


def hold_expired(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The hold reached its deadline."""
    return _end_or_roll_back(release, Phase.EXPIRED, now, "nobody ended the hold before its deadline")


def _cannot_be_put_back(release: Release) -> list[FleetTarget]:
    """What a roll-back gave up, once it has nothing else left to try."""
    if release.phase is not Phase.HELD or release.held_phase is not Phase.ROLLING_BACK:
        return []
    return [] if of_progress(release, Progress.WAITING, Progress.CHANGING) else of_progress(release, Progress.FAILED)


def _end_or_roll_back(release: Release, ending: Phase, now: datetime, note: str) -> Move:
    if not release.production_touched:
        return end(release, ending, now, f"{note}; production was not touched")
    return roll_back(release, ending, now, note)
