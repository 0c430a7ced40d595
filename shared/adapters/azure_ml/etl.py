"""LoadPlatform on Azure Machine Learning: the load of the sensor table as a command job of the production workspace.

The job is that of `pipelines/etl.yml`; a test holds the two together. Its code comes with the environment version, so
nothing is uploaded. Raw files are mounted for reading; the table is given as an address and opened by the job itself,
since commits of a Delta table need a store that refuses to overwrite, which a mount does not promise.
"""

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from shared.adapters.azure_ml import command_jobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.command_jobs import CommandJobs, check, mounted
from shared.application.errors import PlatformRefused
from shared.application.etl.load import LoadPlan
from shared.contracts.inbound.etl_report import EtlReport
from shared.domain.etl.load import LoadSummary

if TYPE_CHECKING:
    from azure.ai.ml.entities import Command

EXPERIMENT = "sensor-etl"
REPORT_BYTES_MAX = 8 * 1024 * 1024
"""A line per sensor: 10,000 of them are less than a mebibyte."""

COMMAND = (
    "python -m sensor_model.etl --raw ${{inputs.raw}} --table ${{inputs.table}} --output ${{outputs.report}}"
    " --run ${{inputs.run}} --features ${{inputs.features}}"
)

_TABLE = re.compile(r"(abfss://[a-z0-9-]{3,63}@[a-z0-9.-]{3,255})?(/[A-Za-z0-9._-]{1,255}){1,40}")
_FEATURE = re.compile(r"[a-z][a-z0-9_]{0,62}")  # these become words of a command line


class AzureMlLoads:
    """The load's job in the production workspace; errors as the port says."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._jobs = CommandJobs(clients, clients.scope.production_workspace)
        self.submit = clients.pooled(self._submit)
        self.get_job = clients.pooled(self._jobs.get)
        self.summary = clients.pooled(self._summary)

    def _submit(self, job_name: str, plan: LoadPlan) -> None:
        """The plan may have changed since a job of that name was submitted; the window has its load all the same."""
        self._jobs.submit(load_job(job_name, plan))

    def _summary(self, job_name: str) -> LoadSummary:
        report = self._jobs.report(job_name, REPORT_BYTES_MAX)
        try:
            return EtlReport.model_validate(report).summary()
        except ValidationError as error:
            raise PlatformRefused(f"the report of load {job_name} cannot be understood: {error}") from error


def load_job(job_name: str, plan: LoadPlan) -> "Command":
    """The job as an entity of the client. Raises PlatformRefused for what cannot be part of a command or of a path."""
    check(_TABLE, plan.table, "address of a table")
    for feature in plan.features:
        check(_FEATURE, feature, "column")
    return command_jobs.command_job(
        job_name,
        plan.job_limit_s,
        display_name=f"Load of {job_name.removeprefix('sensor-etl-')}",
        experiment_name=EXPERIMENT,
        command=COMMAND,
        environment=plan.environment,
        compute=plan.compute,
        inputs={
            "raw": mounted(plan.raw_uri),
            "table": plan.table,
            "run": job_name,
            "features": ",".join(plan.features),
        },
    )
