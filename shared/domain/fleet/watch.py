"""Rules of the watch: production's batch jobs are counted, and too few that succeed speak against the environment."""

from datetime import datetime

from shared.domain.fleet.batch_jobs import Health, health, told
from shared.domain.fleet.rollback import asked_back, wished
from shared.domain.release import events as e
from shared.domain.release.model import Actor, Phase, Release
from shared.domain.release.moves import Move, end, hold, stay

WATCH = Actor(object_id="switchyard-watch", tenant_id="", name="the watch", is_person=False)
"""Who asks for a rollback when the batch jobs do."""


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
        (circuit,) = event.jobs.failed
        advice = f"only {circuit} fails, so look at its model: retry goes on with the watch, a rollback takes all back"
        return hold(move.release, now, f"{numbers}; {advice}")
    asked = wished(move.release, WATCH, numbers, now, critical=True)
    return asked_back(asked, now, f"{WATCH.name} asked to roll back: {numbers}")


def watched(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The watch is over and nothing spoke against the environment."""
    jobs = release.batch_jobs
    seen = told(jobs, release.policy.watch) if jobs and jobs.ended else "no batch job ended meanwhile"
    return end(release, Phase.RELEASED, now, f"production runs {release.asset} and was watched: {seen}")
