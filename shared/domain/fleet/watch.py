"""Rules of the watch: production's batch jobs are counted and its deployments read; too few jobs that succeed and
deployments that have failed speak against the environment.

What succeeded is what was predicted. A watch in which a circuit has no predictions is made longer, and then people are
asked (ADR 25): that nothing spoke against the environment is no proof where nobody said anything.
"""

from datetime import datetime, timedelta

from shared.domain.fleet.batch_jobs import Health, health, named, speaks_against, told
from shared.domain.fleet.rollback import asked_back, wished
from shared.domain.records import replace
from shared.domain.release import events as e
from shared.domain.release.model import Actor, Phase, Release
from shared.domain.release.moves import Move, end, enter, hold, stay

WATCH = Actor(object_id="switchyard-watch", tenant_id="", name="the watch", is_person=False)
"""Who asks for a rollback when the batch jobs do."""


def watches(release: Release, now: datetime) -> bool:
    """Whether the release changes nothing any more and only watches, also while people are asked what to do about it:
    no change that it sent can be in flight. It needs the environment of its circuits then, and not their models."""
    phase = release.held_phase if release.phase is Phase.HELD else release.phase
    quiet = timedelta(seconds=release.policy.limits.settle_quiet_s)
    return phase in (Phase.WATCHING, Phase.AWAITING_ROLLBACK_APPROVAL) and now - release.phase_since >= quiet


def batch_jobs_counted(release: Release, event: e.BatchJobsCounted, now: datetime) -> Move:
    """As in the rollback decision matrix: several circuits take the environment back, by the road of critical alerts.
    Of a single circuit people are asked, because that speaks against its model.
    """
    move = stay(release, batch_jobs=event.jobs)
    state = health(event.jobs, release.policy.watch)
    if state in (Health.UNKNOWN, Health.HEALTHY):
        return move
    numbers = f"{told(event.jobs, release.policy.watch)}, since {release.phase_since:%Y-%m-%d %H:%M} UTC"
    if state is Health.ONE_CIRCUIT:
        (circuit,) = speaks_against(event.jobs, release.policy.watch)
        advice = f"only {circuit} fails, so look at its model: retry goes on with the watch, a rollback takes all back"
        return hold(move.release, now, f"{numbers}; {advice}")
    asked = wished(move.release, WATCH, numbers, now, critical=True)
    return asked_back(asked, now, f"{WATCH.name} asked to roll back: {numbers}")


def watched(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The watch is over and nothing spoke against the environment: enough, if every circuit has predictions."""
    policy, jobs = release.policy.watch, release.batch_jobs
    seen = told(jobs, policy) if jobs else "no batch job was counted"
    lacking = without_predictions(release)
    if not lacking:
        return end(release, Phase.RELEASED, now, f"production runs {release.asset} and was watched: {seen}")
    if release.watch_extended < policy.extensions_max:
        extended = release.watch_extended + 1
        note = (
            f"the watch is made longer by {policy.extension_s} s ({extended} of {policy.extensions_max} times), "
            f"because there are no predictions of {named(lacking)}: {seen}"
        )
        return enter(release, Phase.WATCHING, now, note, watch_extended=extended)
    reason = (
        f"the watch ended without predictions of {named(lacking)}: {seen}; retry watches again and does not wait for "
        "these circuits, a rollback or abort takes production back"
    )
    return hold(replace(release, watch_excused=tuple(sorted({*release.watch_excused, *lacking}))), now, reason)


def without_predictions(release: Release) -> tuple[str, ...]:
    """The circuits that the watch still waits for."""
    own = tuple(sorted(target.key for target in release.fleet if not target.superseded_by))
    counted = release.batch_jobs is not None and release.batch_jobs.ended > 0
    missing = release.batch_jobs.missing if release.batch_jobs and counted else own
    return tuple(key for key in missing if key in own and key not in release.watch_excused)
