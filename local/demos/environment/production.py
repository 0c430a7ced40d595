"""What production really runs, read with the real client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from local.supervisor.cloud import CloudError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import BatchDeployment

MARKS = ("restored_by_release", "rolled_back_at", "rollback_reason", "model_release", "environment_release")
"""Tags that a rollback leaves on a deployment, and those that say who brought what, which the first change adds."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """One deployment in full."""

    model: str
    environment: str
    code: str
    scoring_script: str
    compute: str
    mini_batch_size: int | None
    variables: Mapping[str, str]
    tags: Mapping[str, str]

    @property
    def version(self) -> str:
        """Of the environment."""
        return self.environment.rpartition("/")[2]

    @property
    def unmarked(self) -> Running:
        """Without the marks of a rollback."""
        return replace(self, tags={name: value for name, value in self.tags.items() if name not in MARKS})


Production = Mapping[str, Running]
"""By circuit, for example `P001/C001`."""


def read_production(client: MLClient) -> Production:
    """Every deployment of every endpoint of the client's workspace. Raises `CloudError` for one without code."""
    found = (
        _running(deployment)
        for endpoint in client.batch_endpoints.list()
        for deployment in client.batch_deployments.list(endpoint_name=str(endpoint.name))
    )
    return {f"{each.variables['PLANT_ID']}/{each.variables['CIRCUIT_ID']}": each for each in found}


def versions(production: Production) -> str:
    """For people: how many deployments run which version of the environment."""
    count = Counter(running.version for running in production.values())
    return ", ".join(f"{number} on {version}" for version, number in sorted(count.items()))


def differences(before: Production, after: Production) -> list[str]:
    """The circuits whose deployment changed, is gone, or is new."""
    return sorted(circuit for circuit in {*before, *after} if before.get(circuit) != after.get(circuit))


def unmarked(production: Production) -> Production:
    """Every deployment without the marks of a rollback."""
    return {circuit: running.unmarked for circuit, running in production.items()}


def _running(deployment: BatchDeployment) -> Running:
    code = deployment.code_configuration
    if code is None:
        raise CloudError(f"Deployment {deployment.name} has no scoring code, which every release gives it.")
    return Running(
        model=str(deployment.model),
        environment=str(deployment.environment),
        code=str(code.code),
        scoring_script=str(code.scoring_script),
        compute=str(deployment.compute),
        mini_batch_size=deployment.mini_batch_size,
        variables=dict(deployment.environment_variables or {}),
        tags=dict(deployment.tags or {}),
    )
