"""Commands about the model itself: read it, promote it."""

from dataclasses import replace

from shared.application.errors import PlatformBlocked, PlatformRefused
from shared.application.platform_ports import RegisteredModel
from shared.application.release.effects.answers import answer
from shared.application.release.effects.configured import COMMIT_TAG, plan_of
from shared.application.release.effects.makers import makers_of, requesters_of
from shared.application.release.effects.marks import rolled_back
from shared.application.release.ports import Ports
from shared.domain.makers import Maker
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Candidate, Dimension, Release


async def verify_candidate(command: c.VerifyCandidate, release: Release, ports: Ports) -> e.Event:
    """The event was a hint: what counts is what Azure ML and the configuration of the candidate's commit say."""
    wanted = f"{command.model_name}:{command.model_version}"
    model = await ports.platform.get_model(command.workspace, command.model_name, command.model_version)
    if model is None:
        raise PlatformBlocked(f"there is no model {wanted} in workspace {command.workspace}: register it there")
    if not command.model_version.isdigit():
        raise PlatformRefused(f"model version {command.model_version} is not an integer: register models unversioned")
    plant_id, circuit_id = model.tags.get("plant_id", ""), model.tags.get("circuit_id", "")
    if not plant_id or not circuit_id:
        raise PlatformRefused(f"model {wanted} has no tags plant_id and circuit_id: register it with both")
    plan, configuration = await plan_of(f"{plant_id}-{circuit_id}", model.tags.get(COMMIT_TAG, ""), ports)
    makers = await makers_of(model, (command.model_name, command.model_version), ports.model_makers, ports)
    candidate = _candidate(command, model, plant_id, circuit_id, makers)
    marked = await rolled_back(Dimension.MODEL, plan.registry_model_name, candidate.version, ports)
    candidate = replace(candidate, rolled_back=marked)
    return answer(e.CandidateVerified, command, ports, candidate=candidate, plan=plan, configuration=configuration)


def _candidate(
    command: c.VerifyCandidate, model: RegisteredModel, plant_id: str, circuit_id: str, makers: tuple[Maker, ...]
) -> Candidate:
    return Candidate(
        workspace=command.workspace,
        name=command.model_name,
        version=command.model_version,
        asset_id=model.asset_id,
        fingerprint=model.fingerprint,
        plant_id=plant_id,
        circuit_id=circuit_id,
        requesters=requesters_of(makers),
        makers=makers,
        archived=model.archived,
        tags=model.tags,
    )


async def promote_candidate(command: c.PromoteCandidate, release: Release, ports: Ports) -> e.Event:
    """Shares what was approved: a model that changed since is refused (I2, I5)."""
    candidate, plan = command.candidate, command.plan
    model = await ports.platform.get_model(candidate.workspace, candidate.name, candidate.version)
    if model is None:
        raise PlatformBlocked(f"there is no model {candidate.name}:{candidate.version} any more: restore it")
    if model.fingerprint != candidate.fingerprint:
        raise PlatformRefused(f"model {candidate.name}:{candidate.version} changed after it was approved")
    model_id = await ports.platform.promote_model(
        candidate.workspace, candidate.name, candidate.version, plan.registry_model_name
    )
    environment_id = await ports.platform.promote_environment(
        candidate.workspace, plan.environment_name, plan.environment_version
    )
    return answer(
        e.CandidatePromoted, command, ports, registry_model_id=model_id, registry_environment_id=environment_id
    )
