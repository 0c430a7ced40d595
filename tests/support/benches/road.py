"""The road of an environment release on the fakes, for tests of what happens along it."""

from shared.application.platform_ports import Place
from shared.application.release import attempts, people
from shared.domain.release.model import Actor, Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.fakes.config import CIRCUITS, PLANTS
from tests.fakes.platform import DEV_WORKSPACE, REGISTRY, FakeDeployment
from tests.support.benches.release import Bench
from tests.support.builders import a_spec, an_actor

NAME, OLD, NEW = "custom-tf-env", "1.5.0", "1.5.1"
OLD_ID, NEW_ID = (f"{REGISTRY}/environments/{NAME}/versions/{version}" for version in (OLD, NEW))
REQUESTER, ENGINEER = an_actor(1), an_actor(2)
MANAGER = an_actor(3, groups=("Engineering-Managers",))
TAGS = {
    "backward_compatible": "true",
    "requires_retrain": "false",
    "tensorflow_version": "2.21.0",
    "python_version": "3.11",
    "source_code_version": NEW,
    "change_summary": "Clearer log lines while scoring",
    "breaking_changes": "",
    "git_commit_sha": "a1b2c3d4",
    "registered_at": "2025-12-09T10:30:00Z",
    "registered_by": "maker@example.com",
    "pr_number": "PR-1234",
    "cuda_version": "",
    "openmpi_version": "4.1.0",
}


def fleet_in_production(bench: Bench) -> Bench:
    """Six circuits in production, and the new version in the dev workspace."""
    for plant_id in PLANTS:
        for circuit_id in CIRCUITS:
            model = f"{REGISTRY}/models/sensor_model_{plant_id}_{circuit_id}/versions/6"
            spec = a_spec(
                endpoint_name=f"batch-endpoint-plant-{plant_id}",
                deployment_name=f"deployment-circuit-{circuit_id}".lower(),
                model=model,
                environment=OLD_ID,
                environment_variables={"PLANT_ID": plant_id, "CIRCUIT_ID": circuit_id, "MODEL_VERSION": "6"},
            )
            place = (Place.PRODUCTION, spec.endpoint_name, spec.deployment_name)
            bench.platform.deployments[place] = FakeDeployment(spec)
            bench.platform.registry[model] = "model"
    bench.platform.registry[OLD_ID] = "environment"
    bench.environments.add_environment(NAME, NEW, TAGS)
    return bench


def running(bench: Bench) -> list[str]:
    """The environment versions that production runs."""
    found = [d.spec for (place, *_), d in bench.platform.deployments.items() if place is Place.PRODUCTION]
    return sorted(spec.environment.rpartition("/")[2] for spec in found)


async def requested(bench: Bench, version: str = NEW) -> str:
    decided = await attempts.request_environment_release(DEV_WORKSPACE, NAME, version, REQUESTER, "logs", bench.ports)
    await bench.deliver()
    return decided.release.release_id


async def decide(
    bench: Bench, release_id: str, stage: Stage, actor: Actor, *, approved: bool = True, digest: str = ""
) -> None:
    """The decision is on the queue; it is about what is there now, unless `digest` says what was looked at."""
    await people.submit_approval(
        release_id,
        stage,
        actor,
        approved=approved,
        digest=digest or gate_digest(bench.release(release_id), stage),
        reason="looked at it",
        ports=bench.ports,
    )


async def approved(bench: Bench, release_id: str, stage: Stage, *actors: Actor) -> None:
    """One after the other said yes, and it was handled."""
    for actor in actors:
        await decide(bench, release_id, stage, actor)
        await bench.deliver()


async def up_to(bench: Bench, phase: Phase) -> Release:
    """The release on the straight road, with the approvals it needs."""
    release_id = await requested(bench)
    for gate, stage, actors in (
        (Phase.AWAITING_REGISTRY_APPROVAL, Stage.REGISTRY, (ENGINEER,)),
        (Phase.AWAITING_PRODUCTION_APPROVAL, Stage.PRODUCTION, (ENGINEER, MANAGER)),
    ):
        await bench.run_until(release_id, gate)
        if gate is phase:
            return bench.release(release_id)
        await approved(bench, release_id, stage, *actors)
    return await bench.run_until(release_id, phase)
