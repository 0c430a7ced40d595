"""RoutinePlatform on Azure Machine Learning's production workspace: batch jobs, jobs of monitoring, and their files.

The wanted day is copied from the job's own folder (`predictions.py`) to `predictions/` (R-INF-6), as a whole and only
after the job completed: what is there was never written by a job that failed.
"""

from datetime import date
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml import command_jobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.command_jobs import CommandJobs, mounted, uri
from shared.adapters.azure_ml.deployments import AzureMlDeployments
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.predictions import BYTES_MAX, DAY_FILE, batch_outputs, circuit_folder, file_of
from shared.application.errors import PortError
from shared.application.platform_ports import Place
from shared.application.routines.ports import MonitorJob

if TYPE_CHECKING:
    from azure.ai.ml.entities import Command

PREDICTIONS = "predictions"

REPORT_BYTES_MAX = 256 * 1024
JOB_LIMIT_S = 3600
EXPERIMENT = "monitoring"

_COMMON = (
    "python -m sensor_model.monitor ${{inputs.routine}} --plant-id ${{inputs.plant_id}}"
    " --circuit-id ${{inputs.circuit_id}} --model ${{inputs.model}} --table ${{inputs.table}}"
    " --first ${{inputs.first}} --last ${{inputs.last}} --output ${{outputs.report}}"
)
COMMANDS = {"performance": f"{_COMMON} --predictions ${{{{inputs.predictions}}}}", "drift": _COMMON}


class AzureMlRoutines:
    """Routines in the production workspace; errors as the port says."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._deployments = AzureMlDeployments(clients)
        self._jobs = CommandJobs(clients, clients.scope.production_workspace)
        self._blobs = self._jobs.blobs
        self.invoke = clients.pooled(self._invoke)
        self.publish = clients.pooled(self._publish)
        self.predicted_days = clients.pooled(self._predicted_days)
        self.submit = clients.pooled(self._submit)
        self.report = clients.pooled(self._report)

    def _invoke(self, job_name: str, endpoint_name: str, deployment_name: str, input_uri: str) -> None:
        try:
            self._deployments.start_job(
                Place.PRODUCTION,
                endpoint_name,
                deployment_name,
                input_uri,
                outputs=batch_outputs(job_name),
                job_name=job_name,
            )
        except PortError:
            if self._jobs.find(job_name) is None:
                raise

    def _publish(self, job_name: str, plant_id: str, circuit_id: str, day: date) -> str | None:
        name = f"{circuit_folder(plant_id, circuit_id)}{day.isoformat()}.parquet"
        try:
            content = self._blobs.read(file_of(job_name, plant_id, circuit_id, day), BYTES_MAX)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(error, f"the predictions of job {job_name} could not be read") from error
        try:
            self._blobs.write(f"{PREDICTIONS}/{name}", content)
        except AzureError as error:
            raise translated(error, f"the predictions of job {job_name} could not be published") from error
        return f"{PREDICTIONS}/{name}"

    def _predicted_days(self, plant_id: str, circuit_id: str, first: date, last: date) -> list[date]:
        of_circuit = f"{PREDICTIONS}/{circuit_folder(plant_id, circuit_id)}"
        try:
            names = self._blobs.names(of_circuit, of_circuit + first.isoformat(), of_circuit + last.isoformat() + "~")
        except AzureError as error:
            raise translated(error, f"the predictions of {plant_id}/{circuit_id} could not be listed") from error
        found = (DAY_FILE.fullmatch(name.removeprefix(of_circuit)) for name in names)
        return [date.fromisoformat(each[1]) for each in found if each]

    def _submit(self, job: MonitorJob) -> None:
        self._jobs.submit(monitor_job(job))

    def _report(self, job_name: str) -> dict[str, Any]:
        return self._jobs.report(job_name, REPORT_BYTES_MAX)


def monitor_job(job: MonitorJob) -> "Command":
    """The job as an entity of the client. Raises PlatformRefused for what cannot be part of a command or of a path."""
    circuit = circuit_folder(job.plant_id, job.circuit_id)
    inputs: dict[str, Any] = {
        "routine": job.routine.value,
        "plant_id": job.plant_id,
        "circuit_id": job.circuit_id,
        "first": job.first.isoformat(),
        "last": job.last.isoformat(),
        "model": mounted(job.model, "custom_model"),
        "table": mounted(job.table_uri),
    }
    if job.routine.value == "performance":
        inputs["predictions"] = mounted(uri(f"{PREDICTIONS}/{circuit}"))
    return command_jobs.command_job(
        job.job_name,
        JOB_LIMIT_S,
        display_name=f"{job.routine.value} of {job.plant_id}/{job.circuit_id}, {job.first} to {job.last}",
        experiment_name=EXPERIMENT,
        command=COMMANDS[job.routine.value],
        environment=job.environment,
        compute=job.compute,
        inputs=inputs,
        tags={"plant_id": job.plant_id, "circuit_id": job.circuit_id},
    )
