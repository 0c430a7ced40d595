"""ModelPlatform on Azure Machine Learning: the async face of the blocking client."""

from datetime import date

from shared.adapters.azure_ml import predictions
from shared.adapters.azure_ml.assets import AzureMlAssets
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.command_jobs import CommandJobs
from shared.adapters.azure_ml.deployments import AzureMlDeployments
from shared.adapters.azure_ml.marks import AzureMlMarks
from shared.application.platform_ports import Place
from shared.domain.job_ends import JobSeen
from shared.domain.predictions import Predicted


class AzureMlPlatform:
    """Dev workspace, registry, test and production of one AzureMlScope; errors as the port says."""

    def __init__(self, clients: AzureMlClients) -> None:
        assets, deployments = AzureMlAssets(clients), AzureMlDeployments(clients)
        self._jobs = {place: CommandJobs(clients, clients.scope.workspace(place)) for place in Place}
        self.get_model = clients.pooled(assets.get_model)
        self.promote_model = clients.pooled(assets.promote_model)
        self.promote_environment = clients.pooled(assets.promote_environment)
        marks = AzureMlMarks(clients)
        self.mark, self.marks = clients.pooled(marks.mark), clients.pooled(marks.marks)
        self.get_deployment = clients.pooled(deployments.get)
        self.put_deployment = clients.pooled(deployments.put)
        self.invoke = clients.pooled(deployments.invoke)
        self.get_job = clients.pooled(self._get_job)
        self.cancel_job = clients.pooled(self._cancel_job)
        self.predictions = clients.pooled(self._predictions)

    def _get_job(self, place: Place, job_name: str) -> JobSeen | None:
        return self._jobs[place].get(job_name)

    def _cancel_job(self, place: Place, job_name: str) -> None:
        self._jobs[place].cancel(job_name)

    def _predictions(
        self, place: Place, job_name: str, plant_id: str, circuit_id: str, day: date | None = None
    ) -> Predicted | None:
        return predictions.read(self._jobs[place].blobs, job_name, plant_id, circuit_id, day)
