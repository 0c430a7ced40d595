"""Training as a command job of the dev workspace: submitting it, looking at it, cancelling it.

The job is that of `pipelines/training.yml`; a test holds the two together. Its code comes with the environment version
of the circuit's configuration, so nothing is uploaded; the circuit's file goes along as a variable.
"""

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.blobstore import DATASTORE
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.values import texts, word
from shared.application.errors import PlatformErrored, PlatformRefused
from shared.application.training.ports import TrainingJob
from shared.domain.job_ends import JobEnded, ended
from shared.domain.training.steps import JobCondition, JobSeen

if TYPE_CHECKING:
    from azure.ai.ml.entities import Command, Job

CONFIG_VARIABLE = "CIRCUIT_CONFIG_BASE64"
CONFIG_BYTES_MAX = 64_000
"""A variable of a process holds 128 KiB on Linux, and base64 takes a third more."""

FAILURE_TAG = "training_failure"
"""What the training code says about its own end: only a failure that it explains is one of data or configuration."""

DIGEST_TAG = "training_digest"
MODEL_OUTPUT = "model"
DATA_INPUT = "training_data"
COMMAND = (
    "python -m sensor_model.train_job --plant-id ${{inputs.plant_id}} --circuit-id ${{inputs.circuit_id}}"
    " --cutoff-date ${{inputs.cutoff_date}} --training-data ${{inputs.training_data}} --table ${{inputs.table}}"
    " --output ${{outputs.model}}"
)
_CONDITIONS = {
    None: JobCondition.LIVE,
    JobEnded.COMPLETED: JobCondition.COMPLETED,
    JobEnded.FAILED: JobCondition.BROKEN,  # unless the training code explains it
    JobEnded.CANCELED: JobCondition.CANCELED,
    JobEnded.NOT_RESPONDING: JobCondition.BROKEN,
}
_JOB_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,254}")
_WORD = re.compile(r"[A-Za-z0-9]{1,32}")  # these become words of a command line
_ASSET = re.compile(r"(?:azureml:|.*/data/)?(?P<name>[^/:]+)(?::|/versions/)(?P<version>[^/:]+)")


class AzureMlTrainingJobs:
    """The blocking calls about training jobs; each runs in the pool."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients

    def submit(self, job: TrainingJob) -> None:
        """A lost answer is no unknown outcome: the name makes one job of all submissions."""
        entity = command_job(job)
        try:
            self._clients.dev().jobs.create_or_update(entity)
        except AzureError as error:
            problem = translated(error, f"training job {job.job_name} could not be submitted")
            if isinstance(problem, PlatformRefused) and "already exists" in str(error):
                self._compare_with_submitted(job)
                return
            raise problem from error

    def look_at(self, job_name: str) -> JobSeen:
        job = self._get(job_name)
        if job is None:
            return JobSeen(condition=JobCondition.MISSING)
        status, explained = word(job.status), texts(job.tags).get(FAILURE_TAG, "")
        where = f"see {self._studio_url(job_name)}"
        end, detail = ended(status), f"status {status}, {where}"
        if end is JobEnded.FAILED and explained:
            return JobSeen(condition=JobCondition.FAILED, status=status, detail=explained)
        if end is JobEnded.FAILED:
            detail = f"job {job_name} failed without saying why, {where}"
        return JobSeen(condition=_CONDITIONS[end], status=status, detail=detail)

    def cancel(self, job_name: str) -> None:
        if self.look_at(job_name).condition is not JobCondition.LIVE:
            return
        try:
            self._clients.dev().jobs.begin_cancel(job_name)
        except AzureError as error:
            problem = translated(error, f"job {job_name} could not be cancelled")
            if isinstance(problem, PlatformRefused) and self.look_at(job_name).condition is not JobCondition.LIVE:
                return
            raise problem from error

    def data_input(self, job_name: str) -> str:
        job: Any = self._get(job_name)
        given = (job.inputs or {}).get(DATA_INPUT) if job is not None else None
        found = _ASSET.fullmatch(str(getattr(given, "path", None) or ""))
        return f"{found['name']}:{found['version']}" if found else ""

    def _get(self, job_name: str) -> "Job | None":
        try:
            job: Job = self._clients.dev().jobs.get(job_name)
            return job
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(error, f"job {job_name} could not be read") from error

    def _compare_with_submitted(self, job: TrainingJob) -> None:
        """Raises PlatformRefused unless the job of that name is this one."""
        there = self._get(job.job_name)
        if there is None:
            raise PlatformErrored(f"job {job.job_name} exists and could not be read")
        if texts(there.tags).get(DIGEST_TAG) != _digest(job):
            raise PlatformRefused(f"job {job.job_name} exists and is another training")

    def _studio_url(self, job_name: str) -> str:
        scope = self._clients.scope
        return f"https://ml.azure.com/runs/{job_name}?wsid={scope.arm_id(scope.dev_workspace)}&tid={scope.tenant_id}"


def command_job(job: TrainingJob) -> "Command":
    """The job as an entity of the client. Raises PlatformRefused for what cannot be part of a command or of a path."""
    from azure.ai.ml import Input, Output, command
    from azure.ai.ml.entities import CommandJobLimits

    wish = job.request
    for pattern, value, what in (
        (_JOB_NAME, job.job_name, "job name"),
        (_WORD, wish.plant_id, "plant id"),
        (_WORD, wish.circuit_id, "circuit id"),
    ):
        if not pattern.fullmatch(value):
            raise PlatformRefused(f"{value!r} cannot be a {what}")
    config = wish.config_yaml.encode()
    if len(config) > CONFIG_BYTES_MAX:
        raise PlatformRefused(f"the circuit's file has {len(config)} bytes; {CONFIG_BYTES_MAX} are the limit")
    entity = command(
        name=job.job_name,
        display_name=f"Train_{wish.plant_id}_{wish.circuit_id}_{wish.pr_number.replace('-', '')}",
        experiment_name=f"plant_{wish.plant_id}_circuit_{wish.circuit_id}",
        command=COMMAND,
        environment=f"azureml:{job.environment_name}:{wish.environment_version}",
        compute=job.compute,
        inputs={
            "plant_id": wish.plant_id,
            "circuit_id": wish.circuit_id,
            "cutoff_date": wish.cutoff_date.isoformat(),
            DATA_INPUT: Input(type="mltable", path=f"azureml:{job.data_asset}:{job.data_version}", mode="ro_mount"),
            "table": Input(type="uri_folder", path=job.table_uri, mode="ro_mount"),
        },
        outputs={MODEL_OUTPUT: Output(type="uri_folder", path=f"{output_uri(job.job_name)}", mode="rw_mount")},
        environment_variables={CONFIG_VARIABLE: base64.b64encode(config).decode()},
        tags={
            "plant_id": wish.plant_id,
            "circuit_id": wish.circuit_id,
            "pr_number": wish.pr_number,
            "pr_author": wish.author,
            "git_commit_sha": wish.commit,
            "training_run": job.run_id,
            DIGEST_TAG: _digest(job),
        },
    )
    entity.limits = CommandJobLimits(timeout=job.limit_s)
    return entity


def output_folder(job_name: str) -> str:
    """Where Azure ML keeps a named output by default; said explicitly, so that it holds whatever the default is."""
    return f"azureml/{job_name}/{MODEL_OUTPUT}"


def output_uri(job_name: str) -> str:
    """The same as an address."""
    return f"azureml://datastores/{DATASTORE}/paths/{output_folder(job_name)}/"


def _digest(job: TrainingJob) -> str:
    """Names everything that was asked for."""
    wish = job.request
    asked = [job.data_asset, job.data_version, job.environment_name, wish.environment_version, job.compute]
    return hashlib.sha256(json.dumps([*asked, job.table_uri, wish.config_yaml, job.run_id]).encode()).hexdigest()
