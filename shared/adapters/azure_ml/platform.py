"""ModelPlatform on Azure Machine Learning: the async face of the blocking client."""

from shared.adapters.azure_ml.assets import AzureMlAssets
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.deployments import AzureMlDeployments
from shared.adapters.azure_ml.jobs import AzureMlJobs
from shared.application.platform_ports import DeploymentState, JobState, Place, RegisteredModel
from shared.domain.release.model import DeploymentSpec


class AzureMlPlatform:
    """Dev workspace, registry, test and production of one AzureMlScope; errors as the port says."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients
        self._assets = AzureMlAssets(clients)
        self._deployments = AzureMlDeployments(clients)
        self._jobs = AzureMlJobs(clients)

    async def get_model(self, workspace: str, name: str, version: str) -> RegisteredModel | None:
        return await self._clients.run(self._assets.get_model, workspace, name, version)

    async def promote_model(self, workspace: str, name: str, version: str, registry_name: str) -> str:
        return await self._clients.run(self._assets.promote_model, workspace, name, version, registry_name)

    async def promote_environment(self, workspace: str, name: str, version: str) -> str:
        return await self._clients.run(self._assets.promote_environment, workspace, name, version)

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        return await self._clients.run(self._deployments.get, place, endpoint_name, deployment_name)

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        await self._clients.run(self._deployments.put, place, spec)

    async def invoke(self, place: Place, spec: DeploymentSpec, input_uri: str) -> str:
        return await self._clients.run(self._jobs.invoke, place, spec, input_uri)

    async def get_job(self, place: Place, job_name: str) -> JobState | None:
        return await self._clients.run(self._jobs.get, place, job_name)

    async def cancel_job(self, place: Place, job_name: str) -> None:
        await self._clients.run(self._jobs.cancel, place, job_name)
