"""Jobs of one workspace: their names, submitting a command job once, looking at it, its report, its end.

A job's name makes one job of all its submissions, so that a lost answer is settled by submitting again. Where its
output is follows from the name as well, so that a report is read from the blob store without asking the run history.
"""

import json
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.blobstore import DATASTORE, WorkspaceBlobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.job_errors import last_error
from shared.adapters.azure_ml.values import texts, word
from shared.application.errors import PlatformErrored, PlatformRefused
from shared.domain.job_ends import JobEnded, JobSeen
from shared.domain.names import can_be_job

if TYPE_CHECKING:
    from azure.ai.ml import Input
    from azure.ai.ml.entities import Command, Job

REPORT = "report"
REPORT_FILE = "report.json"
FAILURE_TAG = "training_failure"
"""What the training code says about its own end: only a failure that it explains is one of data or configuration."""

NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,254}")  # the client would write capitals small, and a path would not follow
ID = re.compile(r"[A-Za-z0-9]{1,32}")  # of a plant or circuit: a word of a command line, and a part of a path


def check(pattern: re.Pattern[str], value: str, what: str) -> None:
    """Raises PlatformRefused for what cannot be part of a command or of a path."""
    if not pattern.fullmatch(value):
        raise PlatformRefused(f"{value!r} cannot be a {what}")


def check_circuit(plant_id: str, circuit_id: str) -> None:
    """The same for the ids of a plant and of its circuit."""
    check(ID, plant_id, "plant id")
    check(ID, circuit_id, "circuit id")


def folder(job_name: str, output: str = REPORT) -> str:
    """Where Azure ML keeps a named output by default; said explicitly, so that it holds whatever the default is."""
    check(NAME, job_name, "job name")
    return f"azureml/{job_name}/{output}/"


def uri(path: str) -> str:
    """A path of the workspace's blob store as jobs refer to it."""
    return f"azureml://datastores/{DATASTORE}/paths/{path}"


def mounted(path: str, kind: str = "uri_folder") -> "Input":
    """An input that the job may read."""
    from azure.ai.ml import Input

    return Input(type=kind, path=path, mode="ro_mount")


def command_job(name: str, limit_s: int, *, output: str = REPORT, **about: Any) -> "Command":
    """The job as an entity of the client, with its one output; Azure ML ends it after `limit_s` seconds."""
    from azure.ai.ml import Output, command
    from azure.ai.ml.entities import CommandJobLimits

    written = Output(type="uri_folder", path=uri(folder(name, output)), mode="rw_mount")
    entity = command(name=name, outputs={output: written}, **about)
    entity.limits = CommandJobLimits(timeout=limit_s)
    return entity


class CommandJobs:
    """The blocking calls about jobs of one workspace of the scope; each runs in the pool."""

    def __init__(self, clients: AzureMlClients, workspace: str) -> None:
        self._clients = clients
        self._workspace = workspace
        self.blobs = WorkspaceBlobs(partial(clients.shared, workspace), clients.credential)

    def submit(self, entity: "Command", same: str = "") -> None:
        """Submits the job, unless one of its name is there. `same` names a tag: raises PlatformRefused where a job of
        that name has another value of it, because it is another job."""
        name = str(entity.name)
        try:
            self._clients.shared(self._workspace).jobs.create_or_update(entity)
        except AzureError as error:
            problem = translated(error, f"job {name} could not be submitted")
            if not isinstance(problem, PlatformRefused):
                raise problem from error
            there = self.find(name)
            if there is None and "already exists" in str(error):
                raise PlatformErrored(f"job {name} exists and could not be read") from error
            if there is None:
                raise problem from error
            if same and texts(there.tags).get(same) != texts(entity.tags)[same]:
                raise PlatformRefused(f"job {name} exists and is another one: its {same} differs") from error

    def find(self, job_name: str) -> "Job | None":
        """The job as an entity of the client; None when there is none."""
        if not can_be_job(job_name):
            return None
        try:
            job: Job = self._clients.shared(self._workspace).jobs.get(job_name)
            return job
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(error, f"job {job_name} in {self._workspace} could not be read") from error

    def get(self, job_name: str) -> JobSeen | None:
        """The job as it is now; None when there is none."""
        job = self.find(job_name)
        if job is None:
            return None
        seen = JobSeen(
            status=word(job.status) or "Unknown",
            detail=f"see {self.address(job_name)}",
            failure=texts(job.tags).get(FAILURE_TAG, ""),
        )
        if seen.end is not JobEnded.FAILED or seen.failure:
            return seen
        return replace(seen, error=last_error(self._clients.shared(self._workspace), job_name))

    def address(self, job_name: str) -> str:
        """Where people find the job with its logs; built here, so that it is the same every time the job is read."""
        scope = self._clients.scope
        return f"https://ml.azure.com/runs/{job_name}?wsid={scope.arm_id(self._workspace)}&tid={scope.tenant_id}"

    def cancel(self, job_name: str) -> None:
        """Asks for the job's end; one that has ended, or is not there, stays as it is."""
        if not self._goes_on(job_name):
            return
        try:
            self._clients.shared(self._workspace).jobs.begin_cancel(job_name)
        except AzureError as error:
            problem = translated(error, f"job {job_name} in {self._workspace} could not be cancelled")
            if isinstance(problem, PlatformRefused) and not self._goes_on(job_name):
                return
            raise problem from error

    def _goes_on(self, job_name: str) -> bool:
        seen = self.get(job_name)
        return seen is not None and seen.end is None

    def report(
        self, job_name: str, bytes_max: int, *, output: str = REPORT, file: str = REPORT_FILE, where: str = ""
    ) -> dict[str, Any]:
        """The JSON object that the job left in a file of its output, or without `file` in the only JSON file there.
        `where` is the output's folder in the blob store, where it is not the one that it has by default.
        Raises PlatformRefused when it is missing, larger than `bytes_max`, or no such object."""
        where = where or folder(job_name, output)
        try:
            text = (
                self.blobs.read(where + file, bytes_max)
                if file
                else self.blobs.read_only_one(where, ".json", bytes_max)
            )
        except ResourceNotFoundError as error:
            raise PlatformRefused(f"job {job_name} left no {file or output}") from error
        except AzureError as error:
            raise translated(error, f"the {output} of job {job_name} could not be read") from error
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PlatformRefused(f"the {output} of job {job_name} is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise PlatformRefused(f"the {output} of job {job_name} is not a JSON object")
        return found
