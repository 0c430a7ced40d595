"""RoutinePlatform on Azure Machine Learning's production workspace: batch jobs, jobs of monitoring, and their files.

A batch job writes to a folder of its own, which follows from its name and is said explicitly, because the default is
below the name of a child job. From there the wanted day is copied to `predictions/` (R-INF-6), as a whole and
only after the job completed: what is there was never written by a job that failed.
"""

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.blobstore import DATASTORE, WorkspaceBlobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.jobs import AzureMlJobs
from shared.adapters.azure_ml.specs import service_name
from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown, PlatformRefused
from shared.application.platform_ports import Place
from shared.application.routines.ports import MonitorJob

if TYPE_CHECKING:
    from azure.ai.ml.entities import Command

BATCH_OUTPUT = "score"
"""The one output of a batch deployment of a model, by Azure ML's own name."""

PREDICTIONS = "predictions"
REPORT = "report.json"
PREDICTIONS_BYTES_MAX = 64 * 1024 * 1024
"""A day of one reading a second has 86,400 rows of a few dozen bytes."""

REPORT_BYTES_MAX = 256 * 1024
JOB_LIMIT_S = 3600
EXPERIMENT = "monitoring"

_COMMON = (
    "python -m sensor_model.monitor ${{inputs.routine}} --plant-id ${{inputs.plant_id}}"
    " --circuit-id ${{inputs.circuit_id}} --model ${{inputs.model}} --table ${{inputs.table}}"
    " --first ${{inputs.first}} --last ${{inputs.last}} --output ${{outputs.report}}"
)
COMMANDS = {"performance": f"{_COMMON} --predictions ${{{{inputs.predictions}}}}", "drift": _COMMON}

_JOB_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,254}")
_WORD = re.compile(r"[A-Za-z0-9]{1,32}")  # these become words of a command line and parts of a path
_DAY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.parquet")


class AzureMlRoutines:
    """The async face of the blocking calls; errors as the port says."""

    def __init__(self, clients: AzureMlClients, credential: TokenCredential) -> None:
        self._clients = clients
        self._jobs = AzureMlJobs(clients)
        self._blobs = WorkspaceBlobs(lambda: clients.of(Place.PRODUCTION), credential)

    async def invoke(self, job_name: str, endpoint_name: str, deployment_name: str, input_uri: str) -> None:
        await self._clients.run(self._invoke, job_name, endpoint_name, deployment_name, input_uri)

    async def publish(self, job_name: str, plant_id: str, circuit_id: str, day: date) -> str | None:
        return await self._clients.run(self._publish, job_name, plant_id, circuit_id, day)

    async def predicted_days(self, plant_id: str, circuit_id: str, first: date, last: date) -> list[date]:
        return await self._clients.run(self._predicted_days, plant_id, circuit_id, first, last)

    async def submit(self, job: MonitorJob) -> None:
        await self._clients.run(self._submit, job)

    async def report(self, job_name: str) -> dict[str, Any]:
        return await self._clients.run(self._report, job_name)

    def _invoke(self, job_name: str, endpoint_name: str, deployment_name: str, input_uri: str) -> None:
        from azure.ai.ml import Input, Output

        _check(_JOB_NAME, job_name, "job name")
        client = self._clients.of(Place.PRODUCTION)
        what = f"deployment {endpoint_name}/{deployment_name} in production"
        try:
            with self._clients.invoking:
                client.batch_endpoints.invoke(
                    service_name(endpoint_name),
                    deployment_name=service_name(deployment_name),
                    input=Input(type="uri_folder", path=input_uri),
                    outputs={BATCH_OUTPUT: Output(type="uri_file", path=f"{_uri(job_name, BATCH_OUTPUT)}rows.csv")},
                    job_name=job_name,
                )
        except AzureError as error:
            if self._jobs.get(Place.PRODUCTION, job_name):
                return
            problem = translated(error, f"{what} could not be invoked", sent=True)
            if isinstance(problem, PlatformOutcomeUnknown):  # looking for the job by its name settles it
                raise PlatformErrored(str(problem)) from error
            raise problem from error

    def _publish(self, job_name: str, plant_id: str, circuit_id: str, day: date) -> str | None:
        _check(_JOB_NAME, job_name, "job name")
        name = f"{_folder(plant_id, circuit_id)}{day.isoformat()}.parquet"
        try:
            content = self._blobs.read(f"azureml/{job_name}/{BATCH_OUTPUT}/{name}", PREDICTIONS_BYTES_MAX)
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
        folder = f"{PREDICTIONS}/{_folder(plant_id, circuit_id)}"
        try:
            names = self._blobs.names(folder, folder + first.isoformat(), folder + last.isoformat() + "~")
        except AzureError as error:
            raise translated(error, f"the predictions of {plant_id}/{circuit_id} could not be listed") from error
        found = (_DAY_FILE.fullmatch(name.removeprefix(folder)) for name in names)
        return [date.fromisoformat(each[1]) for each in found if each]

    def _submit(self, job: MonitorJob) -> None:
        entity = monitor_job(job)
        try:
            self._clients.of(Place.PRODUCTION).jobs.create_or_update(entity)
        except AzureError as error:
            problem = translated(error, f"job {job.job_name} could not be submitted")
            if isinstance(problem, PlatformRefused) and self._jobs.get(Place.PRODUCTION, job.job_name):
                return
            raise problem from error

    def _report(self, job_name: str) -> dict[str, Any]:
        _check(_JOB_NAME, job_name, "job name")
        try:
            text = self._blobs.read(f"azureml/{job_name}/report/{REPORT}", REPORT_BYTES_MAX)
        except ResourceNotFoundError as error:
            raise PlatformRefused(f"job {job_name} left no report") from error
        except AzureError as error:
            raise translated(error, f"the report of job {job_name} could not be read") from error
        try:
            report = json.loads(text)
        except ValueError as error:
            raise PlatformRefused(f"the report of job {job_name} is not JSON: {error}") from error
        if not isinstance(report, dict):
            raise PlatformRefused(f"the report of job {job_name} is not a JSON object")
        return report


def monitor_job(job: MonitorJob) -> "Command":
    """The job as an entity of the client. Raises PlatformRefused for what cannot be part of a command or of a path."""
    from azure.ai.ml import Input, Output, command
    from azure.ai.ml.entities import CommandJobLimits

    _check(_JOB_NAME, job.job_name, "job name")
    folder = _folder(job.plant_id, job.circuit_id)
    inputs: dict[str, Any] = {
        "routine": job.routine.value,
        "plant_id": job.plant_id,
        "circuit_id": job.circuit_id,
        "first": job.first.isoformat(),
        "last": job.last.isoformat(),
        "model": Input(type="custom_model", path=job.model, mode="ro_mount"),
        "table": Input(type="uri_folder", path=job.table_uri, mode="ro_mount"),
    }
    if job.routine.value == "performance":
        path = f"azureml://datastores/{DATASTORE}/paths/{PREDICTIONS}/{folder}"
        inputs["predictions"] = Input(type="uri_folder", path=path, mode="ro_mount")
    entity = command(
        name=job.job_name,
        display_name=f"{job.routine.value} of {job.plant_id}/{job.circuit_id}, {job.first} to {job.last}",
        experiment_name=EXPERIMENT,
        command=COMMANDS[job.routine.value],
        environment=job.environment,
        compute=job.compute,
        inputs=inputs,
        outputs={"report": Output(type="uri_folder", path=_uri(job.job_name, "report"), mode="rw_mount")},
        tags={"plant_id": job.plant_id, "circuit_id": job.circuit_id},
    )
    entity.limits = CommandJobLimits(timeout=JOB_LIMIT_S)
    return entity


def _folder(plant_id: str, circuit_id: str) -> str:
    _check(_WORD, plant_id, "plant id")
    _check(_WORD, circuit_id, "circuit id")
    return f"{plant_id}/{circuit_id}/"


def _uri(job_name: str, output: str) -> str:
    return f"azureml://datastores/{DATASTORE}/paths/azureml/{job_name}/{output}/"


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise PlatformRefused(f"{value!r} cannot be a {what}")
