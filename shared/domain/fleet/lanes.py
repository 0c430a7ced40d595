"""The work on many targets: checks, updates and roll-backs all go the same way.

A target is begun once a lane is free, looked at with growing pauses until its answer is final, tried again after a
fault, and given up after `attempts_max` tries. All that is written when a phase begins is the phase: what a target's
progress means is read from the phase and the serial it was made for, so that no commit grows with the fleet.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from shared.domain.fleet.roster import Roster, Standing, standing_of
from shared.domain.fleet.specs import changed_spec, dimensions_of
from shared.domain.records import replace
from shared.domain.release import commands as c
from shared.domain.release.model import FleetTarget, Kind, Phase, Progress, Release

#: The phases in which targets are worked on.
WORK = (Phase.CHECKING, Phase.UPDATING, Phase.ROLLING_BACK, Phase.VERIFYING_ROLLBACK)

#: The phases whose work changes production.
_CHANGING_WORK = (Phase.UPDATING, Phase.ROLLING_BACK)

#: The phases from which a release is rolled back.
_AFTER_A_CHANGE = (
    Phase.UPDATING,
    Phase.WATCHING,
    Phase.AWAITING_ROLLBACK_APPROVAL,
    Phase.ROLLING_BACK,
    Phase.HELD,
)

_PAUSE_GROWTH = 1.5


def progress_of(release: Release, target: FleetTarget) -> Progress:
    """How far the target is in the current phase (or in the one that is held)."""
    return _progress(release, standing_of(target), is_sample=target.key in _samples(release))


def progress_by_key(release: Release) -> dict[str, Progress]:
    """The same of all targets."""
    samples = frozenset(_samples(release))
    return {
        target.key: _progress(release, standing_of(target), is_sample=target.key in samples) for target in release.fleet
    }


def _progress(release: Release, standing: Standing, *, is_sample: bool) -> Progress:
    """What it means, in this phase, to have come so far."""
    if standing.is_superseded:
        return Progress.UNTOUCHED
    phase = _work(release)
    if standing.goal is not phase:
        return Progress.WAITING if _has_work(release, phase, standing, is_sample) else Progress.UNTOUCHED
    if release.phase is Phase.HELD or standing.serial == release.serial:
        return standing.progress
    if standing.progress is Progress.DONE and phase is not Phase.ROLLING_BACK:
        return Progress.DONE
    return Progress.WAITING  # what was put back is read again: a change sent twice may have landed since


def _work(release: Release) -> Phase:
    return release.held_phase if release.phase is Phase.HELD and release.held_phase else release.phase


def _has_work(release: Release, phase: Phase, standing: Standing, is_sample: bool) -> bool:
    """Whether the phase is to do anything with a target that is the release's own."""
    if phase is Phase.ROLLING_BACK:
        return release.kind is Kind.ROLLBACK or standing.touched
    return phase is not Phase.VERIFYING_ROLLBACK or is_sample


def _samples(release: Release) -> list[str]:
    """The restored targets that a sample inference runs on, in the phase that does: spread evenly over the fleet.
    After an abort, or a hold that nobody ended, no sample has to work: nobody asked for more than what ran before."""
    if _work(release) is not Phase.VERIFYING_ROLLBACK or release.ending in (Phase.ABORTED, Phase.EXPIRED):
        return []
    restored = sorted(target.key for target in release.fleet if target.touched and not target.superseded_by)
    count = min(release.policy.limits.rollback_samples_max, len(restored))
    return [restored[number * len(restored) // count] for number in range(count)]


def places(release: Release, *progress: Progress) -> int:
    """The places of the targets that are this far, as the roster counts them."""
    sampled = release.roster.places_of(_samples(release))
    found = 0
    for standing, there in release.roster.standings.items():
        for part, is_sample in ((there & sampled, True), (there & ~sampled, False)):
            if part and _progress(release, standing, is_sample=is_sample) in progress:
                found |= part
    return found


def of_progress(release: Release, *progress: Progress) -> list[FleetTarget]:
    """The targets that are this far."""
    return release.roster.at(places(release, *progress))


def find(release: Release, key: str) -> FleetTarget | None:
    """The target with this key."""
    return release.roster.find(key)


def with_targets(release: Release, changed: Iterable[FleetTarget]) -> Release:
    """The release with these targets in the place of those with the same keys."""
    return replace(release, fleet=release.roster.with_changed(changed))


def begin(release: Release, now: datetime, delay_s: int = 0) -> tuple[Release, tuple[c.Command, ...]]:
    """Begins what the free lanes take. `touched` is durable before the command that touches leaves (I1)."""
    begun = [
        replace(
            target,
            goal=release.phase,
            serial=release.serial,
            progress=Progress.CHANGING,
            attempt=1,
            look=0,
            not_before=None,
            accepted_at=None,
            touched=target.touched or release.phase in _CHANGING_WORK,
            detail=_begun_as(release, target),
        )
        for target in _next(release)
    ]
    started = with_targets(release, begun)
    is_timed = delay_s or release.phase is Phase.CHECKING  # a check's looks go by the time since it began
    not_before = now + timedelta(seconds=delay_s) if is_timed else None
    return started, tuple(work_on(started, target, not_before=not_before) for target in begun)


def _begun_as(release: Release, target: FleetTarget) -> str:
    """What people are told until there is an answer: a check tells nothing before its end."""
    if release.phase is not Phase.CHECKING:
        return ""
    return f"checked by {' and '.join(check_jobs(release.release_id, release.serial, target.key, 1))}"


def _next(release: Release) -> list[FleetTarget]:
    """Checks share one wide lane; Azure ML changes one deployment of an endpoint at a time, so each has its own."""
    limits, roster = release.policy.limits, release.roster
    running, waiting = places(release, Progress.CHANGING), places(release, Progress.WAITING)
    if release.phase is Phase.CHECKING:
        return _first(roster, waiting, limits.checks_parallel_max - running.bit_count())
    busy = {target.previous.endpoint_name for target in roster.at(running)}
    for endpoint in busy:
        waiting &= ~roster.lanes[endpoint]
    chosen: list[FleetTarget] = []
    while waiting and len(busy) + len(chosen) < limits.updates_parallel_max:
        chosen.append(roster.first(waiting))
        waiting &= ~roster.lanes[chosen[-1].previous.endpoint_name]
    return chosen


def _first(roster: Roster, waiting: int, free: int) -> list[FleetTarget]:
    """The first of those who wait, as many as there is room for."""
    chosen: list[FleetTarget] = []
    while waiting and len(chosen) < free:
        chosen.append(roster.first(waiting))
        waiting &= waiting - 1
    return chosen


def work_on(
    release: Release, target: FleetTarget, *, not_before: datetime | None = None, suffix: str = ""
) -> c.Command:
    """The command for the next look at, or the first touch of, a target that was begun."""
    serial, verb = release.serial, release.phase.value.replace("_", "-")
    step = f"{release.release_id}-{serial}-{verb}"
    about: dict[str, Any] = {
        "command_id": f"{step}-{target.key.lower()}-{target.attempt}-{target.look}{suffix}",
        "release_id": release.release_id,
        "serial": serial,
        "not_before": not_before,
        "target_key": target.key,
        "attempt": target.attempt,
        "look": target.look,
    }
    if release.phase is Phase.CHECKING:
        return c.CheckTarget(**about, previous=target.previous, environment=release.registry_environment_id)
    if release.phase is Phase.VERIFYING_ROLLBACK:
        return c.ProbeTarget(**about, spec=target.previous)
    return c.ChangeTarget(
        **about,
        spec=changed_spec(release, target),
        previous=target.previous,
        epoch=release.epochs.get(target.key, 0),
        undoes=release.undoes,
        dimensions=dimensions_of(release, target),
    )


def work_s(release: Release, phase: Phase) -> int:
    """What the work of `phase` on so many targets needs, in seconds, at the time that the policy gives to each; 0 where
    it does not. However lanes take turns, all are through once the longest, and then everything by itself, were.
    """
    limits, roster = release.policy.limits, release.roster
    if phase is Phase.CHECKING:
        return ceil(len(roster) / limits.checks_parallel_max) * limits.check_s
    if phase not in _CHANGING_WORK or not roster:
        return 0
    longest = max(lane.bit_count() for lane in roster.lanes.values())
    return (longest + ceil(len(roster) / limits.updates_parallel_max)) * limits.update_s


def check_jobs(release_id: str, serial: int, target_key: str, attempt: int) -> tuple[str, str]:
    """The names of the two jobs of one try of a check: the baseline, and the check that compares itself with it."""
    name = f"{release_id}-{serial}-{target_key.lower()}-{attempt}"
    return f"{name}-base", f"{name}-new"


def running_checks(release: Release) -> tuple[str, ...]:
    """The jobs of every check that has no answer yet, whatever phase the release is in by now."""
    running = 0
    for standing, there in release.roster.standings.items():
        if standing.goal is Phase.CHECKING and standing.progress is Progress.CHANGING:
            running |= there
    return tuple(
        name
        for each in release.roster.at(running)
        for name in check_jobs(release.release_id, each.serial, each.key, each.attempt)
    )


def quiet_s(release: Release, now: datetime) -> int:
    """How long until no change that was sent before can still be in flight, in whole seconds: what is put back earlier
    could be overwritten. Counted from the phase's beginning, because no command of an earlier one is carried out then.
    """
    if not release.production_touched or release.phase not in _AFTER_A_CHANGE:
        return 0
    since = now if release.phase is Phase.UPDATING else release.phase_since
    return max(0, ceil((since - now).total_seconds()) + release.policy.limits.settle_quiet_s)


def pause_s(release: Release, look: int) -> float:
    """How long to wait before look number `look`, in seconds: short at first, at most the look interval. A change is
    looked at first when the quickest of this release had nearly ended."""
    limits, times = release.policy.limits, release.change_times
    if times is not None and look == 1 and release.phase in _CHANGING_WORK:
        return float(min(times.first_look_s, limits.look_interval_s))
    return float(min(limits.target_look_s * _PAUSE_GROWTH ** min(look, 20), limits.look_interval_s))


def told(targets: Iterable[FleetTarget], shown: int = 5) -> str:
    """A list that a person can read: the first few by name and reason, the rest by count."""
    listed = list(targets)
    text = "; ".join(f"{target.key}: {target.detail}" for target in listed[:shown])
    return f"{text}; and {len(listed) - shown} more" if len(listed) > shown else text
