"""EnvironmentPlatform on Azure Machine Learning: environment versions, and what the endpoints of a place run.

A deployment or job of a workspace may refer to an asset of the registry by its id
(docs/azure-facts.md#assets-deployments-and-jobs), so nothing is copied from the registry to a workspace. The
workspace's identity needs the role AzureML Registry User, and the registry must serve the workspace's region.
"""

import hashlib
import json
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.assets import is_archived, makers
from shared.adapters.azure_ml.checks import AzureMlChecks
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.specs import service_name, spec_of
from shared.adapters.azure_ml.values import texts, word
from shared.application.platform_ports import DeploymentState, Place, RegisteredEnvironment
from shared.domain.names import can_be_asset

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Environment


class AzureMlEnvironmentPlatform:
    """Dev workspace, registry, test and production of one AzureMlScope; errors as the port says."""

    def __init__(self, clients: AzureMlClients) -> None:
        environments, checks = AzureMlEnvironments(clients), AzureMlChecks(clients)
        self.get_environment = clients.pooled(environments.get)
        self.environment_versions = clients.pooled(environments.versions)
        self.list_endpoints = clients.pooled(environments.endpoints)
        self.list_deployments = clients.pooled(environments.deployments)
        self.submit_check = clients.pooled(checks.submit)
        self.read_report = clients.pooled(checks.report)


def registered_environment(environment: "Environment", *, archived: bool = False) -> RegisteredEnvironment:
    """An environment version as the port describes it; identifiers of its maker are in lower case."""
    build = environment.build
    description = {
        "asset_id": str(environment.id),
        "image": environment.image or "",
        "conda_file": environment.conda_file or {},
        "build": {"path": str(build.path), "dockerfile": str(build.dockerfile_path)} if build else {},
        "os_type": word(environment.os_type).lower(),
        "tags": texts(environment.tags),
        "properties": texts(environment.properties),
    }
    canonical = json.dumps(description, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return RegisteredEnvironment(
        asset_id=str(environment.id),
        fingerprint=hashlib.sha256(canonical.encode()).hexdigest(),
        tags=texts(environment.tags),
        created_by=makers(environment),
        archived=archived,
    )


class AzureMlEnvironments:
    """The blocking calls about environments and about whole endpoints; each runs in the pool."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients

    def get(self, workspace: str, name: str, version: str) -> RegisteredEnvironment | None:
        if not can_be_asset(name, version):
            return None
        client = self._home(workspace)
        try:
            found = client.environments.get(name, version)
            archived = is_archived(client.environments, name, version, f"environment {name}:{version}")
            return registered_environment(found, archived=archived)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(error, f"environment {name}:{version} could not be read") from error

    def versions(self, name: str, workspace: str = "") -> list[tuple[str, dict[str, str]]]:
        client = self._home(workspace)
        try:
            return [(str(each.version), texts(each.tags)) for each in client.environments.list(name)]
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            raise translated(error, f"the versions of environment {name} could not be listed") from error

    def endpoints(self, place: Place) -> list[str]:
        try:
            return [str(each.name) for each in self._clients.of(place).batch_endpoints.list()]
        except AzureError as error:
            raise translated(error, f"the endpoints in {place.value} could not be listed") from error

    def deployments(self, place: Place, endpoint_name: str) -> list[DeploymentState]:
        """Left out is what has no model: a deployment of a pipeline component, which no release may put back."""
        client = self._clients.of(place)
        try:
            found = list(client.batch_deployments.list(service_name(endpoint_name)))
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            what = f"the deployments of endpoint {endpoint_name} in {place.value} could not be listed"
            raise translated(error, what) from error
        return [
            DeploymentState(
                spec=spec_of(each, endpoint_name, str(each.name)),
                provisioning=word(each.provisioning_state) or "Unknown",
            )
            for each in found
            if each.model
        ]

    def _home(self, workspace: str) -> "MLClient":
        if not workspace:
            return self._clients.registry()
        self._clients.scope.check_dev(workspace)
        return self._clients.dev()
