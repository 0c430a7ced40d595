"""Commands of rollbacks: what may go back, the circuits' locks, and the sample inference on what was put back."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.application.errors import PlatformBusy, PlatformRefused
from shared.application.fleet.earlier_versions import dimension_of, known_before, recorded, version_of
from shared.application.job_output import output_of
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release.effects.answers import (
    PLATFORM_FAULTS,
    answer,
    circuit_taken,
    outcome_of,
    target_answer,
)
from shared.application.release.ports import Lock, Ports
from shared.domain.fleet.specs import restored_by
from shared.domain.fleet.watch import watches
from shared.domain.job_ends import JobEnded
from shared.domain.predictions import PredictionQuality
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.dimensions import brings, brought_by, is_from, with_dimension
from shared.domain.release.events import Outcome
from shared.domain.release.model import DeploymentSpec, Dimension, FleetTarget, Kind, Phase, Release

#: What a completed sample says about what was put back; where nobody can tell, it is tried again and then people look.
_OF_OUTPUT = {
    PredictionQuality.GOOD: Outcome.DONE,
    PredictionQuality.BAD: Outcome.REFUSED,
    PredictionQuality.UNCLEAR: Outcome.ERRORED,
}

#: A holder in one of these phases is putting production back itself: it is waited for.
_REVERSING = frozenset({Phase.SETTLING, Phase.RESTORING, Phase.ROLLING_BACK, Phase.VERIFYING_ROLLBACK})


async def list_restorable(command: c.ListTargets, release: Release, ports: Ports) -> e.Event:
    """What the undone release changed on this endpoint; who changed it since is named."""
    stored = await ports.store.load(command.undoes)
    if stored is None:
        raise PlatformRefused(f"there is no release {command.undoes}: list the releases to find its id")
    states = await ports.environments.list_deployments(Place.PRODUCTION, command.endpoint_name)
    by_name = {state.spec.deployment_name.lower(): state for state in states}
    models = {
        paired: each.release
        for key, paired in release.undoes_models.items()
        if (each := await ports.store.load(paired)) is not None
    }
    targets = tuple(
        _restorable(
            target,
            stored.release,
            models.get(release.undoes_models.get(target.key, "")),
            by_name.get(target.previous.deployment_name.lower()),
        )
        for target in await _go_back_to(stored.release, release.undoes_to, ports)
        if target.previous.endpoint_name.lower() == command.endpoint_name.lower()
    )
    return answer(e.TargetsListed, command, ports, endpoint_name=command.endpoint_name, targets=targets)


async def _go_back_to(undone: Release, version: str, ports: Ports) -> list[FleetTarget]:
    """What each changed circuit ran before, with the dimension that the release is about as it was when it last ran
    this version: what else came with the release goes back by one step only. Where it never ran, nothing goes back."""
    if not version:
        return [FleetTarget(key=key, previous=previous) for key, previous in recorded(undone)]
    dimension, found = dimension_of(undone), []
    for key, (last, *further) in (await known_before(undone, ports)).items():
        chosen = next((spec for spec in (last, *further) if version_of(spec, dimension) == version), None)
        never = "" if chosen else f"nobody, and never ran {version}"
        previous = with_dimension(last, dimension, chosen) if chosen else last
        found.append(FleetTarget(key=key, previous=previous, superseded_by=never))
    return found


def _restorable(
    target: FleetTarget, undone: Release, model: Release | None, state: DeploymentState | None
) -> FleetTarget:
    """Only the last to bring a dimension may be undone, dimension by dimension. Without its own a release is not undone
    at all: the environment that came with a model does not go back alone."""
    if target.superseded_by:
        return target
    if state is None:
        return replace(target, superseded_by="somebody who deleted the deployment")
    own, *others = brings(undone, target.previous)
    wanted = [(own, undone), *((other, undone) for other in others)]
    if model is not None and own is Dimension.ENVIRONMENT:
        wanted.append((Dimension.MODEL, model))
    last = [dimension for dimension, by in wanted if is_from(state.spec, dimension, by)]
    if not last or (own not in last and model is None):
        return replace(target, superseded_by=_last_to_bring(own, state.spec))
    return replace(target, dimensions=tuple(last))


def _last_to_bring(dimension: Dimension, spec: DeploymentSpec) -> str:
    """The release that last put this dimension back, else the one that last brought it."""
    return restored_by(spec) or brought_by(spec, dimension) or "somebody outside Switchyard"


async def preempt(lock: Lock, release_id: str, ports: Ports) -> Lock:
    """Takes the lock from a release that brings something new; other rollbacks and cool-downs are waited for. One that
    only watches keeps its environment, unless that is what goes back.

    The lock remembers whom it was taken from, so that telling that release cannot be forgotten. Until it is known that
    no change of it can be in flight, the lock keeps the end of a quiet time in `free_from`.
    """
    held = await ports.store.load(lock.holder)
    if held is None or held.release.kind is Kind.ROLLBACK or held.release.phase in _REVERSING:
        return lock
    now = ports.clock.now()
    is_free = lock.environment == lock.holder  # that one keeps the environment, and has lost its say in the rest before
    if is_free or (watches(held.release, now) and not await _undoes_environment(release_id, lock.key, ports)):
        return await ports.locks.acquire(lock.key, release_id, now, beside=lock.holder)
    quiet_until = now + timedelta(seconds=held.release.policy.limits.settle_quiet_s)
    taken = await ports.locks.preempt(lock.key, lock.holder, release_id, quiet_until)
    if taken.holder != release_id:
        return taken
    after = await ports.store.load(lock.holder)
    if after is None or not _may_be_in_flight(after.release, lock.key, now):
        return await ports.locks.preempt(lock.key, release_id, release_id, None)
    return taken


async def _undoes_environment(release_id: str, key: str, ports: Ports) -> bool:
    target: FleetTarget | None = await ports.store.fleet_target(release_id, key)
    return target is None or not target.dimensions or Dimension.ENVIRONMENT in target.dimensions


async def notify_preempted(lock: Lock, ports: Ports) -> None:
    """After the lock changed hands, never before: a release that ends because of it must really have lost it."""
    if not lock.taken_from:
        return
    await ports.events.publish(circuit_taken(lock.taken_from, lock.key, lock.epoch - 1, lock.holder, ports))


def _may_be_in_flight(release: Release, key: str, now: datetime) -> bool:
    """`touched` is durable before a change leaves, and a change looks at the lock right before it leaves.

    A release that has changed nothing for the quiet time has nothing on its way.
    """
    if watches(release, now):
        return False
    touched = [t.key for t in release.targets if t.touched] + [t.key for t in release.fleet if t.touched]
    return key in touched


async def probe_target(command: c.ProbeTarget, release: Release, ports: Ports) -> e.Event:
    """Starts one job per try and judges its end; never waits."""
    try:
        outcome, detail = await _probe(command, release, ports)
    except PLATFORM_FAULTS as error:
        outcome, detail = outcome_of(error), str(error)
    return target_answer(command, ports, outcome, detail)


async def _probe(command: c.ProbeTarget, release: Release, ports: Ports) -> tuple[Outcome, str]:
    now, part = ports.clock.now(), f"{command.target_key}-{command.attempt}"
    claim = await ports.test_jobs.claim(command.release_id, command.serial, now, part)
    job_name = claim.job_name
    if not job_name and claim.is_new:
        try:
            job_name = await ports.platform.invoke(Place.PRODUCTION, command.spec, ports.config.fleet().input_uri)
        except PlatformBusy:  # nothing was started: whoever looks next may
            await ports.test_jobs.give_back(command.release_id, command.serial, claim, part)
            raise
        await ports.test_jobs.record(command.release_id, command.serial, job_name, part)
    if not job_name:
        if now - claim.claimed_at < timedelta(seconds=release.policy.limits.settle_quiet_s):
            return Outcome.PENDING, "the sample inference is being started"
        return Outcome.ERRORED, "nobody knows whether the sample inference was started"
    job = await ports.platform.get_job(Place.PRODUCTION, job_name)
    if job is None:
        return Outcome.ERRORED, f"there is no job {job_name} any more"
    if job.end is None:
        return Outcome.PENDING, f"sample inference {job_name} is {job.status}"
    if job.end is not JobEnded.COMPLETED:
        outcome = Outcome.REFUSED if job.end is JobEnded.FAILED else Outcome.ERRORED
        return outcome, f"sample inference {job_name}: {job.told}"
    output = await output_of(ports.platform, Place.PRODUCTION, job_name, command.spec)
    return _OF_OUTPUT[output.quality], f"sample inference {job_name}: {job}; {output.told}"
