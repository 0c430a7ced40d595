"""Rules of the steps: what the answers of Azure ML and of the circuit lock mean."""

from datetime import datetime, timedelta

from shared.domain.records import replace
from shared.domain.release import events as e
from shared.domain.release.events import Running
from shared.domain.release.lowering import found_in, keeps_environment, lowered, lowered_from, shown
from shared.domain.release.model import AZURE_ML, CheckRun, DeploymentSpec, Phase, Release, Verdict
from shared.domain.release.moves import Move, end, enter, fault, hold, look, only_looking, stay, wait_on
from shared.domain.release.policy import Stage
from shared.domain.release.rules_gates import open_gate
from shared.domain.release.steps import next_look, next_look_s, observe_commands


def candidate_promoted(release: Release, event: e.CandidatePromoted, now: datetime) -> Move:
    """From here on the registry's copy is what is deployed."""
    return enter(
        release,
        Phase.WAITING_FOR_CIRCUIT,
        now,
        f"{event.registry_model_id} can be read from the registry",
        registry_model_id=event.registry_model_id,
        registry_environment_id=event.registry_environment_id,
    )


def circuit_acquired(release: Release, event: e.CircuitAcquired, now: datetime) -> Move:
    """One release at a time changes a circuit (I7). What production runs there counts from here on: nobody else changes
    it, so that the model is tested in the environment that it will run in."""
    target = replace(release.target, epoch=event.epoch, found=event.found)
    note = f"holds circuit {target.key}"
    if event.found is None or not keeps_environment(target.plan, event.found):
        return enter(release, Phase.DEPLOYING_TEST, now, note, targets=(target,))
    kept = event.found.environment
    note = f"{note}; keeps {shown(kept)} that production runs, above {target.plan.environment_version}"
    return enter(release, Phase.DEPLOYING_TEST, now, note, targets=(target,), registry_environment_id=kept)


def circuit_busy(release: Release, event: e.CircuitBusy, now: datetime) -> Move:
    """Waiting says for whom. A freeze also stands before later steps: right before production changes (I19)."""
    if event.newer and release.phase is Phase.WAITING_FOR_CIRCUIT:
        return superseded(release, event, now)
    note = f"waits for {event.holder} to give circuit {release.target.key} back"
    if event.frozen:
        note = f"waits for the end of the {event.holder}"
    return wait_on(release, event.holder, now, note, frozen=event.frozen)


def superseded(release: Release, event: e.CircuitBusy, now: datetime) -> Move:
    """It waits behind a newer version of the same, and would lower it: it ends, and can be had again."""
    note = f"superseded by {event.newer} ({event.holder}), behind which it waited: release it again if it shall go out"
    return end(release, Phase.SUPERSEDED, now, note)


def deployment_submitted(release: Release, event: e.DeploymentSubmitted, now: datetime) -> Move:
    """From here on looking is enough."""
    return only_looking(release)


def test_deployment_observed(release: Release, event: e.DeploymentObserved, now: datetime) -> Move:
    """The test deployment is only ever trusted after it was read back."""
    if event.in_progress:
        return only_looking(release)
    if event.running is Running.WANTED and not event.broken:
        note = f"test runs {release.asset}, read back: {event.detail}"
        return enter(release, Phase.TESTING, now, note)
    if not release.submitted:
        return stay(release)
    return fault(release, now, event.detail)


def production_deployment_observed(release: Release, event: e.DeploymentObserved, now: datetime) -> Move:
    """Done is what was read back, not what was accepted."""
    if event.in_progress:
        return only_looking(release)
    if event.running is Running.WANTED and not event.broken:
        return end(release, Phase.RELEASED, now, f"production runs {release.asset}, read back: {event.detail}")
    if not release.submitted:
        return stay(release)
    return fault(release, now, event.detail)


def test_started(release: Release, event: e.TestStarted, now: datetime) -> Move:
    """Only the recorded job's result will count (I15)."""
    if any(run.job_name == event.job_name for run in release.check_runs):
        return stay(release)
    run = CheckRun(attempt=release.attempt, job_name=event.job_name)
    note = f"test inference {event.job_name} started"
    return only_looking(release, note, check_runs=(*release.check_runs, run))


def test_run_changed(release: Release, event: e.TestRunChanged, now: datetime) -> Move:
    """A hint from Azure ML: look at once instead of at the next look."""
    if not release.submitted or release.check_runs[-1].job_name != event.job_name:
        return stay(release)
    return Move(release=release, commands=observe_commands(release, f"-hint-{event.event_id[-24:]}"))


def test_still_running(release: Release, event: e.TestStillRunning, now: datetime) -> Move:
    """Nothing to do before the next look."""
    return stay(release)


def test_finished(release: Release, event: e.TestFinished, now: datetime) -> Move:
    """Failed is not errored is not inconclusive: reject, try again, ask a person (R-INV-16)."""
    if not release.check_runs or release.check_runs[-1].job_name != event.job_name:
        return stay(release)
    judged = with_verdict(release, event.verdict, event.detail, event.output)
    note = f"test inference {event.job_name} {event.verdict.value}: {event.detail}"
    if event.verdict is Verdict.PASSED:
        return open_gate(judged, Stage.PRODUCTION, now, note)
    if event.verdict is Verdict.FAILED:
        return end(judged, Phase.FAILED, now, note)
    if event.verdict is Verdict.ERRORED:
        return fault(judged, now, event.detail)
    return hold(judged, now, note)


def with_verdict(release: Release, verdict: Verdict, detail: str, output: str = "") -> Release:
    """The last check run gets its verdict."""
    run = replace(release.check_runs[-1], verdict=verdict, detail=detail, output=output)
    return replace(release, check_runs=(*release.check_runs[:-1], run))


def previous_recorded(release: Release, event: e.PreviousRecorded, now: datetime) -> Move:
    """Write-ahead: what production runs is durable in the same commit that first allows a change to it (I1). What
    somebody raised by hand since people were asked is not lowered (I29)."""
    unasked = lowered_from(release, found_in(event.previous)).items() - lowered(release).items()
    if unasked:
        told = "; ".join(f"{dimension}: {what}" for dimension, what in sorted(unasked))
        return hold(release, now, f"production changed since its gate, and nobody was asked about this: {told}")
    target = replace(
        release.target,
        previous_recorded=True,
        previous=_without_restore_tag(event.previous),
        touched=True,
    )
    runs = event.previous.tags.get("model_version", event.previous.model) if event.previous else "nothing"
    note = f"production runs {runs}; recorded as previous"
    return enter(release, Phase.DEPLOYING_PRODUCTION, now, note, targets=(target,))


def _without_restore_tag(spec: DeploymentSpec | None) -> DeploymentSpec | None:
    if spec is None:
        return None
    return replace(spec, tags={k: v for k, v in spec.tags.items() if k != "restored_by_release"})


def test_outcome_unknown(release: Release, event: e.OutcomeUnknown, now: datetime) -> Move:
    """Only this release changes the deployment in test, so reading it back shows whether the change was applied."""
    return only_looking(release, f"unknown outcome, looking: {event.reason}")


def step_errored(release: Release, event: e.StepErrored, now: datetime) -> Move:
    """A technical fault: try again, within the limit. Where only looking failed, the next look is the next try."""
    if release.submitted:
        return stay(release)
    return fault(release, now, event.reason)


def step_busy(release: Release, event: e.StepBusy, now: datetime) -> Move:
    """Not yet is no fault: the step is looked at again, and only its deadline ends the waiting. The history tells the
    first look that found it so; `waiting_on` tells the last."""
    note = "" if release.waiting_on else f"not yet: {event.detail}"
    return stay(release, note, waiting_on=f"{AZURE_ML}{event.detail}")


def step_blocked(release: Release, event: e.StepBlocked, now: datetime) -> Move:
    """People give back what is missing, and have the step tried again. Nothing was changed by it."""
    return hold(release, now, event.reason)


def step_failed(release: Release, event: e.StepFailed, now: datetime) -> Move:
    """A definite no before production was touched: no retry can change it."""
    return end(release, Phase.FAILED, now, event.reason)


def look_due(release: Release, event: e.LookDue, now: datetime) -> Move:
    """Looks, and schedules the next look; a look that was taken already changes nothing."""
    if event.look != release.look + 1:
        return stay(release)
    looked = replace(release, look=event.look, look_at=now + timedelta(seconds=next_look_s(release)))
    move = look(looked, f"-{event.look}")
    return Move(release=looked, commands=(*move.commands, next_look(looked)))
