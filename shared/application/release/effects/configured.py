"""What the configuration says about a release: of the commit its candidate was made from, and of the one in force."""

from shared.application.configuration import made_from
from shared.application.errors import PlatformBlocked
from shared.application.release.ports import Ports
from shared.domain.release.model import DeploymentPlan

COMMIT_TAG = "git_commit_sha"
"""The tag of a model that names the commit it was trained from (R-TRAIN-14)."""


async def plan_of(key: str, commit: str, ports: Ports) -> tuple[DeploymentPlan, str]:
    """How the model of a circuit ("P001-C001") is deployed by the configuration of the commit it was made from, and
    which configuration that is. Raises PlatformBlocked where the fleet does not have the circuit, or not there."""
    current = _in_force(key, ports)
    config, why = await made_from(commit.strip().lower(), ports.configurations, ports.config)
    told = f"{config.origin} ({why})" if why else config.origin
    plan = config.plan(*_ids(key))
    if plan is None:
        raise PlatformBlocked(f"{_shown(key)} is not in the fleet of {told}: train its model again")
    _check_place(key, plan, current, told, ports)
    return plan, told


def check_configured(key: str, plan: DeploymentPlan, told: str, ports: Ports) -> None:
    """To be asked before production is touched: the circuit is in the fleet still, where `plan` of `told` puts it.
    Raises PlatformBlocked."""
    _check_place(key, plan, _in_force(key, ports), told or "what the release was verified with", ports)


def taken_out(key: str, ports: Ports) -> str:
    """Why nothing new goes to this circuit: the configuration in force does not have it; empty where it does."""
    if ports.config.plan(*_ids(key)) is not None:
        return ""
    return f"{_shown(key)} is not in config/plants_circuits.yml of {ports.config.origin}"


def _in_force(key: str, ports: Ports) -> DeploymentPlan:
    plan = ports.config.plan(*_ids(key))
    if plan is None:
        raise PlatformBlocked(f"{taken_out(key, ports)}: merge a change that adds it and retry, or abort")
    return plan


def _check_place(key: str, plan: DeploymentPlan, current: DeploymentPlan, told: str, ports: Ports) -> None:
    """A deployment under names that are no longer the circuit's would be a second one beside its own."""
    pairs = zip(_names(plan), _names(current), strict=True)
    if moved := [f"{before} is {after} now" for before, after in pairs if before != after]:
        reason = f"{ports.config.origin} names what {_shown(key)} runs otherwise than {told}: {', '.join(moved)}"
        raise PlatformBlocked(f"{reason}: train its model again, or merge the names back and retry")


def _names(plan: DeploymentPlan) -> tuple[str, str, str]:
    return plan.endpoint_name, plan.deployment_name, plan.registry_model_name


def _ids(key: str) -> tuple[str, str]:
    plant_id, _, circuit_id = key.partition("-")
    return plant_id, circuit_id


def _shown(key: str) -> str:
    return f"circuit {key.replace('-', '/')}"
