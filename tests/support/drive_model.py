"""Drives the core through a straight release: every answer as Azure ML would give it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.release import events as e
from shared.domain.release.decide import Decision, decide, open_release
from shared.domain.release.model import GATE_OF_PHASE, Actor, Phase, Release, Verdict
from shared.domain.release.policy import Policy
from shared.domain.release.specs import gate_digest
from tests.support.builders import NOW, a_candidate, a_plan, a_policy, a_spec, an_actor

RID = "sensor-model-p001-c001-7-abc123"


def opened(policy: Policy | None = None) -> Release:
    """A release that was just opened."""
    event = e.ModelRegistered(
        event_id="eg-1",
        release_id=RID,
        occurred_at=NOW,
        workspace="dev-ml-workspace",
        model_name="sensor-model-P001-C001",
        model_version="7",
    )
    return open_release(event, policy or a_policy(), NOW).release


def answer(kind: type[e.StepEvent], release: Release, **content: Any) -> e.Event:
    """A step's answer with the current serial and an id of its own."""
    event_id = f"{RID}-{release.serial}-{kind.__name__}-{abs(hash(str(content))) % 10**8}"
    return kind(event_id=event_id, release_id=RID, occurred_at=NOW, serial=release.serial, **content)


def observed(release: Release, running: e.Running = e.Running.WANTED, **content: Any) -> e.Event:
    """A deployment that was read back."""
    content = {"in_progress": False, "broken": False, "detail": "read back", **content}
    return answer(e.DeploymentObserved, release, running=running, **content)


def approval(release: Release, actor: Actor | None = None, **changes: Any) -> e.ApprovalSubmitted:
    """A yes on the open gate."""
    stage = GATE_OF_PHASE[release.phase]
    event = e.ApprovalSubmitted(
        event_id=f"approval-{release.serial}-{(actor or an_actor()).object_id}",
        release_id=RID,
        occurred_at=NOW,
        stage=stage,
        actor=actor or an_actor(),
        approved=True,
        digest=gate_digest(release, stage),
        reason="",
    )
    return replace(event, **changes)


def abort(release: Release, reason: str = "wrong model") -> e.AbortRequested:
    """A person ends the release."""
    return e.AbortRequested(
        event_id=f"abort-{release.serial}", release_id=RID, occurred_at=NOW, actor=an_actor(), reason=reason
    )


def retry(release: Release) -> e.RetryRequested:
    """A person has the held step tried again."""
    return e.RetryRequested(
        event_id=f"retry-{release.serial}", release_id=RID, occurred_at=NOW, actor=an_actor(), reason=""
    )


def deadline(release: Release) -> tuple[e.Event, datetime]:
    """The end of the current wait, and the time at which it comes."""
    at = (release.deadline_at or NOW) + timedelta(seconds=1)
    return answer(e.DeadlinePassed, release), at


def next_event(release: Release) -> e.Event:
    """What comes next on the straight road."""
    make = {
        Phase.VERIFYING: lambda: answer(e.CandidateVerified, release, candidate=a_candidate(), plan=a_plan()),
        Phase.AWAITING_REGISTRY_APPROVAL: lambda: approval(release),
        Phase.PROMOTING: lambda: answer(
            e.CandidatePromoted,
            release,
            registry_model_id="azureml://registries/mlregistry-shared/models/sensor_model_P001_C001/versions/7",
            registry_environment_id="azureml://registries/mlregistry-shared/environments/custom-tf-env/versions/1.5.0",
        ),
        Phase.WAITING_FOR_CIRCUIT: lambda: answer(e.CircuitAcquired, release, epoch=4),
        Phase.DEPLOYING_TEST: lambda: observed(release),
        Phase.AWAITING_PRODUCTION_APPROVAL: lambda: approval(release),
        Phase.RECORDING_PREVIOUS: lambda: answer(e.PreviousRecorded, release, previous=a_spec()),
        Phase.DEPLOYING_PRODUCTION: lambda: observed(release),
        Phase.TESTING: lambda: (
            answer(e.TestStarted, release, job_name="batchjob-1")
            if not release.check_runs
            else answer(
                e.TestFinished, release, job_name="batchjob-1", verdict=Verdict.PASSED, detail="Completed, 24 rows"
            )
        ),
    }
    return make[release.phase]()


def driven_to(phase: Phase, policy: Policy | None = None) -> Release:
    """The release as it arrives in `phase` on the straight road."""
    release = opened(policy)
    while release.phase is not phase:
        release = decide(release, next_event(release), NOW).release
    return release


def release_in_test() -> Release:
    """A release whose test inference is running."""
    release = driven_to(Phase.TESTING)
    return decide(release, next_event(release), NOW).release


def kinds(decision: Decision) -> list[str]:
    """The names of the commands of a decision, timers and facts left out."""
    names = [type(command).__name__ for command in decision.commands]
    return [name for name in names if name not in ("ScheduleEvent", "PublishFact")]
