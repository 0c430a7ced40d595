"""Sample releases and what they are made of: a plausible value for everything, and every field can be changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.application.release.resting import ReleaseRest
from shared.application.release.summary import Summary, summary_of
from shared.domain.fleet.meter import Meter
from shared.domain.makers import Account, AccountKind, Maker
from shared.domain.release.commands import PublishFact
from shared.domain.release.events import LookDue
from shared.domain.release.history import HistoryEntry, chain
from shared.domain.release.model import (
    GATE_OF_PHASE,
    LOOKED_AT,
    Actor,
    Approval,
    Candidate,
    CheckRun,
    DeploymentPlan,
    DeploymentSpec,
    FleetTarget,
    Kind,
    Phase,
    Release,
    Target,
    Verdict,
)
from shared.domain.release.model_machine import LIVE
from shared.domain.release.policy import ApprovalRule, GatePolicy, Limits, Policy, Stage
from shared.domain.release.steps import phase_deadline_s
from tests.fakes.config import environment_gates, rollback_gate

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
RELEASE_ID = "rel-0123456789abcdef"

#: The phases of the straight road, in order; a release in one of them carries what the earlier ones brought.
ROAD = (
    Phase.VERIFYING,
    Phase.AWAITING_REGISTRY_APPROVAL,
    Phase.PROMOTING,
    Phase.WAITING_FOR_CIRCUIT,
    Phase.DEPLOYING_TEST,
    Phase.TESTING,
    Phase.AWAITING_PRODUCTION_APPROVAL,
    Phase.RECORDING_PREVIOUS,
    Phase.DEPLOYING_PRODUCTION,
    Phase.SETTLING,
    Phase.RELEASED,
)


#: The same of an environment release.
FLEET_ROAD = (
    Phase.VERIFYING,
    Phase.AWAITING_REGISTRY_APPROVAL,
    Phase.PROMOTING,
    Phase.WAITING_FOR_FLEET,
    Phase.FREEZING_TARGETS,
    Phase.CHECKING,
    Phase.AWAITING_PRODUCTION_APPROVAL,
    Phase.UPDATING,
    Phase.WATCHING,
    Phase.AWAITING_ROLLBACK_APPROVAL,
    Phase.ROLLING_BACK,
    Phase.VERIFYING_ROLLBACK,
)


def a_policy(**changes: Any) -> Policy:
    """Two gates of one approval each and the default limits, as in config/policies.yml."""
    rules = (ApprovalRule(group="ML-Engineers"),)
    gates = {
        Stage.REGISTRY: GatePolicy(approvals=rules, deadline_s=86_400, instructions="Review the model metrics."),
        Stage.PRODUCTION: GatePolicy(approvals=rules, deadline_s=86_400, instructions="Review the test results."),
    }
    return replace(Policy(gates=gates, limits=Limits()), **changes)


def a_maker(number: int = 1, name: str = "rita@example.com", *, proven: bool = True) -> Maker:
    """Person `number`, known by the name that Azure ML has."""
    account = Account(kind=AccountKind.ENTRA_NAME, name=name, proven=proven)
    return Maker(account=account, object_id=f"11111111-aaaa-bbbb-cccc-{number:012d}", name=f"Person {number}")


def a_candidate(**changes: Any) -> Candidate:
    """Version 7 of the model of circuit C001 in plant P001."""
    candidate = Candidate(
        workspace="dev-ml-workspace",
        name="sensor-model-P001-C001",
        version="7",
        asset_id="azureml://locations/westeurope/workspaces/dev/models/sensor-model-P001-C001/versions/7",
        fingerprint="f" * 64,
        plant_id="P001",
        circuit_id="C001",
        requesters=("11111111-aaaa-bbbb-cccc-000000000001", "rita@example.com"),
        makers=(a_maker(),),
        tags={"pr_number": "42", "pr_author": "rita", "mae": "0.12"},
    )
    return replace(candidate, **changes)


def a_plan(**changes: Any) -> DeploymentPlan:
    """Where the model of circuit C001 in plant P001 is deployed."""
    plan = DeploymentPlan(
        endpoint_name="batch-endpoint-plant-P001",
        deployment_name="deployment-circuit-C001",
        registry_model_name="sensor_model_P001_C001",
        environment_name="custom-tf-env",
        environment_version="1.5.0",
        test_compute="cpu-cluster",
        production_compute="cpu-cluster",
        mini_batch_size=10,
        scoring_code="pipelines/scoring",
        scoring_script="score.py",
        input_uri="azureml://datastores/sensor_lake/paths/processed/sensor_data/",
    )
    return replace(plan, **changes)


def a_spec(**changes: Any) -> DeploymentSpec:
    """What production runs before the release: version 6."""
    spec = DeploymentSpec(
        endpoint_name="batch-endpoint-plant-P001",
        deployment_name="deployment-circuit-C001",
        model="azureml://registries/mlregistry-shared/models/sensor_model_P001_C001/versions/6",
        environment="azureml://registries/mlregistry-shared/environments/custom-tf-env/versions/1.4.0",
        compute="cpu-cluster",
        code="pipelines/scoring",
        scoring_script="score.py",
        mini_batch_size=10,
        environment_variables={"PLANT_ID": "P001", "CIRCUIT_ID": "C001"},
        tags={"model_version": "6", "release_id": "rel-before"},
    )
    return replace(spec, **changes)


def a_target(**changes: Any) -> Target:
    """The one target of a model release, untouched."""
    return replace(Target(key="P001-C001", plan=a_plan()), **changes)


def a_fleet_target(number: int = 1, **changes: Any) -> FleetTarget:
    """Circuit `number` of plant P001, as it was frozen."""
    circuit = f"C{number:03}"
    spec = a_spec(
        deployment_name=f"deployment-circuit-{circuit}",
        environment_variables={"PLANT_ID": "P001", "CIRCUIT_ID": circuit},
    )
    return replace(FleetTarget(key=f"P001-{circuit}", previous=spec), **changes)


def an_actor(number: int = 2, **changes: Any) -> Actor:
    """A member of ML-Engineers who did not make the candidate."""
    actor = Actor(
        object_id=f"11111111-aaaa-bbbb-cccc-{number:012d}",
        tenant_id="11111111-1111-1111-1111-111111111111",
        name=f"Person {number}",
        username=f"person{number}@example.com",
        groups=("ML-Engineers",),
    )
    return replace(actor, **changes)


def a_release(phase: Phase = Phase.VERIFYING, **changes: Any) -> Release:
    """A release in `phase`, holding what the phases before it on the straight road brought."""
    reached = Phase.SETTLING if phase is Phase.RESTORING else phase
    step = ROAD.index(reached) if reached in ROAD else 0
    release = Release(
        release_id=RELEASE_ID,
        policy=a_policy(),
        asset_workspace="dev-ml-workspace",
        asset_name="sensor-model-P001-C001",
        asset_version="7",
        opened_at=NOW,
        phase=phase,
        phase_since=NOW + timedelta(minutes=step),
        deadline_at=None,
        serial=step + 1,
        held_phase=Phase.VERIFYING if phase is Phase.HELD else None,
        circuit_claimed=step >= ROAD.index(Phase.WAITING_FOR_CIRCUIT),
        submitted=phase is Phase.SETTLING,
    )
    release = replace(release, **_brought(step))
    if phase in LIVE:
        deadline_at = release.phase_since + timedelta(seconds=phase_deadline_s(release))
        look_at = release.phase_since + timedelta(seconds=30) if phase in LOOKED_AT else None
        release = replace(release, deadline_at=deadline_at, look_at=look_at)
    return replace(release, **changes)


def a_summary(release_id: str = RELEASE_ID) -> Summary:
    """What an index says of a release."""
    return summary_of(a_release(Phase.AWAITING_REGISTRY_APPROVAL, release_id=release_id))


def a_rest(release_id: str = RELEASE_ID, number: int = 1) -> ReleaseRest:
    """A release that rests for a day."""
    return ReleaseRest(number=number, until=NOW + timedelta(days=1), summary=a_summary(release_id))


def _brought(step: int) -> dict[str, Any]:
    """What the phases before `step` on the road left in the release."""
    brought: dict[str, Any] = {}
    if step > ROAD.index(Phase.VERIFYING):
        brought |= {"candidate": a_candidate(), "targets": (_target_at(step),)}
    if step > ROAD.index(Phase.PROMOTING):
        registry = "azureml://registries/mlregistry-shared"
        brought["registry_model_id"] = f"{registry}/models/sensor_model_P001_C001/versions/7"
        brought["registry_environment_id"] = f"{registry}/environments/custom-tf-env/versions/1.5.0"
    if step > ROAD.index(Phase.TESTING):
        brought["check_runs"] = (CheckRun(attempt=1, job_name="test-job-1", verdict=Verdict.PASSED, detail="100 rows"),)
    brought["approvals"] = tuple(
        Approval(stage=stage, actor=an_actor(), approved=True, digest="d" * 64, reason="", at=NOW)
        for phase, stage in GATE_OF_PHASE.items()
        if phase in ROAD and step > ROAD.index(phase)
    )
    return brought


def _target_at(step: int) -> Target:
    holds = step > ROAD.index(Phase.WAITING_FOR_CIRCUIT)
    recorded = step > ROAD.index(Phase.RECORDING_PREVIOUS)
    return a_target(
        epoch=1 if holds else None,
        previous_recorded=recorded,
        previous=a_spec() if recorded else None,
        touched=recorded,
    )


def an_entry(number: int = 1, **changes: Any) -> HistoryEntry:
    """A history entry with a digest, chained to nothing."""
    entry = HistoryEntry(
        number=number,
        at=NOW,
        event="ModelRegistered",
        event_id=f"event-{number}",
        actor="switchyard",
        actor_id="",
        phase_before=Phase.VERIFYING,
        phase_after=Phase.VERIFYING,
        note=f"entry {number}",
    )
    return chain(replace(entry, **changes), "")


def a_fleet_release(phase: Phase = Phase.VERIFYING, **changes: Any) -> Release:
    """The release of custom-tf-env:1.5.1 in `phase`, with two targets on one endpoint once they are frozen."""
    frozen = phase in FLEET_ROAD and FLEET_ROAD.index(phase) >= FLEET_ROAD.index(Phase.CHECKING)
    release = Release(
        release_id=RELEASE_ID,
        kind=Kind.ENVIRONMENT,
        policy=replace(a_policy(), gates={**environment_gates(), Stage.ROLLBACK: rollback_gate()}),
        asset_workspace="dev-ml-workspace",
        asset_name="custom-tf-env",
        asset_version="1.5.1",
        requested_by=("11111111-aaaa-bbbb-cccc-000000000001",),
        opened_at=NOW,
        phase=phase,
        phase_since=NOW,
        deadline_at=None,
        candidate=a_candidate(name="custom-tf-env", version="1.5.1", plant_id="", circuit_id=""),
        fleet=(a_fleet_target(1), a_fleet_target(2)) if frozen else (),
        endpoints_to_list=() if frozen else ("batch-endpoint-plant-P001",),
        epochs={"P001-C001": 1, "P001-C002": 1},
        registry_environment_id="azureml://registries/mlregistry-shared/environments/custom-tf-env/versions/1.5.1",
        held_phase=Phase.VERIFYING if phase is Phase.HELD else None,
    )
    return replace(release, **changes)


def a_rollback(phase: Phase = Phase.FREEZING_TARGETS, **changes: Any) -> Release:
    """The rollback of an environment release that has ended, with two targets once they are listed."""
    forward = a_fleet_release(Phase.WATCHING)
    listed = phase is not Phase.FREEZING_TARGETS
    rollback = replace(
        forward,
        kind=Kind.ROLLBACK,
        policy=replace(forward.policy, gates={Stage.ROLLBACK: rollback_gate()}),
        phase=phase,
        requested_by=(),
        candidate=None,
        fleet=forward.fleet if listed else (),
        endpoints_to_list=() if listed else ("batch-endpoint-plant-P001",),
        undoes="custom-tf-env-1-5-1-abcdef",
        rollback_reason="Person 1: scoring errors",
        rollback_by=("11111111-aaaa-bbbb-cccc-000000000001",),
        meter=Meter(requested_at=NOW),
        held_phase=Phase.ROLLING_BACK if phase is Phase.HELD else None,
    )
    return replace(rollback, **changes)


def a_command(number: int = 1, **changes: Any) -> PublishFact:
    """A command with an id of its own."""
    command = PublishFact(
        command_id=f"{RELEASE_ID}-{number}-fact",
        release_id=RELEASE_ID,
        serial=number,
        phase=Phase.VERIFYING,
        subject=f"releases/{RELEASE_ID}",
        reason=f"fact {number}",
        at=NOW,
    )
    return replace(command, **changes)


def an_event(number: int = 1, **changes: Any) -> LookDue:
    """An event with an id of its own."""
    event_id = f"{RELEASE_ID}-1-look-{number}"
    return replace(LookDue(event_id=event_id, release_id=RELEASE_ID, occurred_at=NOW, serial=1, look=number), **changes)
