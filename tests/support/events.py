"""One event of every kind."""

from typing import Any

from shared.domain.evidence.matrix import Quality, Reason
from shared.domain.fleet.batch_jobs import BatchJobs
from shared.domain.online import events as o
from shared.domain.online.model import OnlineWish
from shared.domain.release import events as e
from shared.domain.release.earlier import EarlierAttempt
from shared.domain.release.model import Kind, Verdict
from shared.domain.release.policy import Stage
from tests.support.builders import NOW, RELEASE_ID, a_candidate, a_fleet_target, a_plan, a_spec, an_actor
from tests.support.online_plans import an_online_plan

_BASE: dict[str, Any] = {"event_id": "sample", "release_id": RELEASE_ID, "occurred_at": NOW}
_STEP: dict[str, Any] = {**_BASE, "serial": 1}

ALL: tuple[e.Event, ...] = (
    e.ModelRegistered(**_BASE, workspace="dev-ml-workspace", model_name="m", model_version="1"),
    e.CandidateVerified(**_STEP, candidate=a_candidate(), plan=a_plan()),
    e.CandidatePromoted(**_STEP, registry_model_id="m", registry_environment_id="env"),
    e.CircuitAcquired(**_STEP, epoch=1),
    e.CircuitBusy(**_STEP, holder="another"),
    e.PreviousRecorded(**_STEP, previous=a_spec()),
    e.DeploymentSubmitted(**_STEP),
    e.DeploymentObserved(**_STEP, running=e.Running.WANTED, in_progress=False, broken=False, detail=""),
    e.TestStarted(**_STEP, job_name="job"),
    e.TestFinished(**_STEP, job_name="job", verdict=Verdict.PASSED, detail=""),
    e.TestStillRunning(**_STEP, job_name="job", detail="Running"),
    e.StepErrored(**_STEP, reason="no answer"),
    e.StepBusy(**_STEP, detail="it is being shared"),
    e.StepBlocked(**_STEP, reason="forbidden"),
    e.StepFailed(**_STEP, reason="refused"),
    e.OutcomeUnknown(**_STEP, reason="no answer"),
    e.LookDue(**_STEP, look=1),
    e.DeadlinePassed(**_STEP),
    e.TestRunChanged(**_BASE, job_name="job"),
    e.ApprovalSubmitted(
        **_BASE, stage=Stage.REGISTRY, actor=an_actor(), approved=True, digest="0" * 64, reason="looked at it"
    ),
    e.AbortRequested(**_BASE, actor=an_actor(), reason="wrong model"),
    e.RetryRequested(**_BASE, actor=an_actor(), reason=""),
    e.EnvironmentReleaseRequested(
        **_BASE,
        workspace="dev-ml-workspace",
        environment_name="custom-tf-env",
        environment_version="1.5.1",
        actor=an_actor(),
        reason="clearer logs",
    ),
    e.AttemptRequested(
        **_BASE,
        kind=Kind.MODEL,
        workspace="dev-ml-workspace",
        asset_name="m",
        asset_version="1",
        actor=an_actor(),
        reason="nobody was there",
        earlier=(
            EarlierAttempt(
                release_id="m-1-0a1b2c",
                phase="expired",
                ended_at=NOW,
                reason="nobody decided",
                decisions=("Person 1 approved registry",),
            ),
        ),
        requested_before=("id-1",),
    ),
    e.EvidenceSubmitted(
        **_BASE,
        actor=an_actor(),
        sha256="a" * 64,
        size_bytes=7_000,
        quality=Quality.COMPLETE,
        reasons=(Reason(rule="notebook", holds=True, text="SHA-256 " + "a" * 64),),
    ),
    e.EnvironmentVerified(**_STEP, candidate=a_candidate(), endpoints=("e",), circuits=("P001-C001",)),
    e.EnvironmentPromoted(**_STEP, registry_environment_id="env"),
    e.FleetAcquired(**_STEP, epochs={"P001-C001": 1}),
    e.TargetsListed(**_STEP, endpoint_name="e", targets=(a_fleet_target(),)),
    e.TargetAnswered(
        **_STEP, target_key="P001-C001", attempt=1, look=0, outcome=e.Outcome.DONE, verdict=Verdict.PASSED
    ),
    e.BatchJobsCounted(**_STEP, jobs=BatchJobs(succeeded=7, failed={"P001-C001": 3})),
    e.RestoredRead(**_STEP, broken=("P001-C001",)),
    e.ChecksCancelled(**_BASE, detail="2 compatibility jobs nobody waits for any more were cancelled"),
    e.Undone(**_BASE, by="rel-1-rollback-1", reason="Person 2: scoring errors"),
    e.EnvironmentProposed(**_BASE, url="https://source.example.com/pull/1", detail="a pull request names 1.5.1"),
    e.RollbackRequested(**_BASE, actor=an_actor(), reason="scoring errors"),
    e.RollbackOpened(
        **_BASE,
        actor=an_actor(),
        reason="scoring errors",
        undoes="custom-tf-env-1-5-1-abcdef",
        workspace="dev-ml-workspace",
        asset_name="custom-tf-env",
        asset_version="1.5.1",
        endpoints=("e",),
        circuits=("P001-C001",),
    ),
    o.OnlineReleaseRequested(
        **_BASE,
        workspace="dev-ml-workspace",
        asset_name="taxi-fare",
        asset_version="2",
        wish=OnlineWish(config="taxi-fare", branch="integration"),
        actor=an_actor(),
        reason="",
    ),
    o.OnlineVerified(
        **_STEP, candidate=a_candidate(), plan=an_online_plan(), configuration="the tests", branch="integration"
    ),
    o.Compared(**_STEP, job_name="compare-1", verdict=Verdict.PASSED, detail="improved"),
    o.EndpointRecorded(**_STEP, found=None),
    o.SlotTested(**_STEP, look=0, verdict=Verdict.PASSED, detail="10 asked"),
    o.TrafficObserved(**_STEP),
    o.TrafficChanged(**_STEP, traffic={"blue": 100}),
    o.EndpointBack(**_STEP, traffic={"blue": 100}, mirror={}, detail="blue serves again"),
    o.SlotsRemoved(**_STEP, removed={"production": ("blue",)}),
    e.CircuitTaken(**_BASE, target_key="P001-C001", by="another-rollback-1"),
    e.MessageDeadLettered(**_BASE, queue="effects", message_id="m", reason="MaxDeliveryCountExceeded"),
)
