"""LoadPlatform on Azure Machine Learning: the load of the sensor table as a command job of the production workspace.

The job is that of `pipelines/etl.yml`; a test holds the two together. Its code comes with the environment version, so
nothing is uploaded. Raw files are mounted for reading; the table is given as an address and opened by the job itself,
since commits of a Delta table need a store that refuses to overwrite, which a mount does not promise.
"""

import re
from typing import TYPE_CHECKING

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from pydantic import ValidationError

from shared.adapters.azure_ml.blobstore import DATASTORE, WorkspaceBlobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.jobs import AzureMlJobs
from shared.application.errors import PlatformRefused
from shared.application.etl.load import LoadPlan
from shared.application.platform_ports import JobState, Place
from shared.contracts.inbound.etl_report import EtlReport
from shared.domain.etl.load import LoadSummary

if TYPE_CHECKING:
    from azure.ai.ml.entities import Command

EXPERIMENT = "sensor-etl"
REPORT = "report.json"
REPORT_BYTES_MAX = 8 * 1024 * 1024
"""A line per sensor: 10,000 of them are less than a mebibyte."""

COMMAND = (
    "python -m sensor_model.etl --raw ${{inputs.raw}} --table ${{inputs.table}} --output ${{outputs.report}}"
    " --run ${{inputs.run}} --features ${{inputs.features}}"
)

_JOB_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,254}")
_TABLE = re.compile(r"(abfss://[a-z0-9-]{3,63}@[a-z0-9.-]{3,255})?(/[A-Za-z0-9._-]{1,255}){1,40}")
_FEATURE = re.compile(r"[a-z][a-z0-9_]{0,62}")  # these become words of a command line


class AzureMlLoads:
    """The async face of the blocking calls."""

    def __init__(self, clients: AzureMlClients, credential: TokenCredential) -> None:
        self._clients = clients
        self._jobs = AzureMlJobs(clients)
        self._blobs = WorkspaceBlobs(lambda: clients.of(Place.PRODUCTION), credential)

    async def submit(self, job_name: str, plan: LoadPlan) -> None:
        await self._clients.run(self._submit, job_name, plan)

    async def state(self, job_name: str) -> JobState | None:
        return await self._clients.run(self._jobs.get, Place.PRODUCTION, job_name)

    async def summary(self, job_name: str) -> LoadSummary:
        return await self._clients.run(self._summary, job_name)

    def _submit(self, job_name: str, plan: LoadPlan) -> None:
        entity = load_job(job_name, plan)
        try:
            self._clients.of(Place.PRODUCTION).jobs.create_or_update(entity)
        except AzureError as error:
            problem = translated(error, f"load {job_name} could not be submitted")
            if isinstance(problem, PlatformRefused) and self._jobs.get(Place.PRODUCTION, job_name):
                return  # the plan may have changed since; the window has its load all the same
            raise problem from error

    def _summary(self, job_name: str) -> LoadSummary:
        _check(_JOB_NAME, job_name, "job name")
        try:
            text = self._blobs.read(f"{_folder(job_name)}/{REPORT}", REPORT_BYTES_MAX)
        except ResourceNotFoundError as error:
            raise PlatformRefused(f"load {job_name} left no report") from error
        except AzureError as error:
            raise translated(error, f"the report of load {job_name} could not be read") from error
        try:
            return EtlReport.model_validate_json(text).summary()
        except ValidationError as error:
            raise PlatformRefused(f"the report of load {job_name} cannot be understood: {error}") from error


def load_job(job_name: str, plan: LoadPlan) -> "Command":
    """The job as an entity of the client. Raises PlatformRefused for what cannot be part of a command or of a path."""
    from azure.ai.ml import Input, Output, command
    from azure.ai.ml.entities import CommandJobLimits

    _check(_JOB_NAME, job_name, "job name")
    _check(_TABLE, plan.table, "address of a table")
    for feature in plan.features:
        _check(_FEATURE, feature, "column")
    entity = command(
        name=job_name,
        display_name=f"Load of {job_name.removeprefix('sensor-etl-')}",
        experiment_name=EXPERIMENT,
        command=COMMAND,
        environment=plan.environment,
        compute=plan.compute,
        inputs={
            "raw": Input(type="uri_folder", path=plan.raw_uri, mode="ro_mount"),
            "table": plan.table,
            "run": job_name,
            "features": ",".join(plan.features),
        },
        outputs={"report": Output(type="uri_folder", path=_uri(job_name), mode="rw_mount")},
    )
    entity.limits = CommandJobLimits(timeout=plan.job_limit_s)
    return entity


def _folder(job_name: str) -> str:
    """Where Azure ML keeps a named output by default; said explicitly, so that it holds whatever the default is."""
    return f"azureml/{job_name}/report"


def _uri(job_name: str) -> str:
    return f"azureml://datastores/{DATASTORE}/paths/{_folder(job_name)}/"


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise PlatformRefused(f"{value!r} cannot be a {what}")
