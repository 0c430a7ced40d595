"""Compatibility checks as command jobs of the test workspace: submitting one, and reading the report it wrote.

The job is that of `pipelines/environment_compatibility_test.yml`; a test holds the two together. Its code comes with
the environment version under test, so nothing is uploaded. The report goes to a place that follows from the job's name
in the workspace's own blob store, from where it is read without asking the run history.
"""

import hashlib
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.blobstore import DATASTORE, WorkspaceBlobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.values import texts
from shared.application.errors import PlatformErrored, PlatformRefused
from shared.application.platform_ports import CompatibilityJob, Place

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Command

EXPERIMENT = "environment-compatibility"
REPORT_BYTES_MAX = 256 * 1024
JOB_LIMIT_S = 1800
"""A check takes seconds once node and image are there; a job that hangs must not hold a node of the test cluster."""

DIGEST_TAG = "check_digest"
COMMAND = (
    "python -m sensor_model.compatibility check"
    " --model ${{inputs.plant_id}}/${{inputs.circuit_id}}:${{inputs.model_version}}=${{inputs.model}}"
    " --table ${{inputs.table}} --output ${{outputs.report}}"
    " --environment-version ${{inputs.environment_version}}"
    " --absolute-tolerance ${{inputs.absolute_tolerance}} --relative-tolerance ${{inputs.relative_tolerance}}"
)
COMPARING = " --baseline ${{inputs.baseline}}"

_JOB_NAME = re.compile(
    r"[a-z0-9_][a-z0-9_-]{0,254}"
)  # the client would write capitals small, and a path would not follow
_WORD = re.compile(r"[A-Za-z0-9]{1,32}")  # these become words of a command line
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6}){0,2}")


class AzureMlChecks:
    """The blocking calls about checks; each runs in the pool."""

    def __init__(self, clients: AzureMlClients, credential: TokenCredential) -> None:
        self._clients = clients
        self._store = WorkspaceBlobs(lambda: clients.of(Place.TEST), credential)

    def submit(self, job: CompatibilityJob) -> None:
        """A lost answer is no unknown outcome: the name makes one job of all submissions."""
        entity = command_job(job, self._clients.scope.registry)
        client = self._clients.of(Place.TEST)
        try:
            client.jobs.create_or_update(entity)
        except AzureError as error:
            problem = translated(error, f"check {job.job_name} could not be submitted")
            if isinstance(problem, PlatformRefused) and "already exists" in str(error):
                _compare_with_submitted(client, job)
                return
            raise problem from error

    def report(self, job_name: str) -> dict[str, Any]:
        _check(_JOB_NAME, job_name, "job name")
        try:
            text = self._store.read_only_one(f"{_folder(job_name)}/", ".json", REPORT_BYTES_MAX)
        except ResourceNotFoundError as error:
            raise PlatformRefused(f"check {job_name} left no report") from error
        except AzureError as error:
            raise translated(error, f"the report of check {job_name} could not be read") from error
        try:
            report = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PlatformRefused(f"the report of check {job_name} is not JSON: {error}") from error
        if not isinstance(report, dict):
            raise PlatformRefused(f"the report of check {job_name} is not a JSON object")
        return report


def command_job(job: CompatibilityJob, registry: str) -> "Command":
    """The job as an entity of the client. Raises PlatformRefused for what cannot be part of a command or of a path."""
    from azure.ai.ml import Input, Output, command
    from azure.ai.ml.entities import CommandJobLimits

    _check(_JOB_NAME, job.job_name, "job name")
    _check(_WORD, job.plant_id, "plant id")
    _check(_WORD, job.circuit_id, "circuit id")
    inputs: dict[str, Any] = {
        "plant_id": job.plant_id,
        "circuit_id": job.circuit_id,
        "model_version": _registry_version(job.model, registry, "models"),
        "environment_version": _registry_version(job.environment, registry, "environments"),
        "absolute_tolerance": job.tolerance.absolute,
        "relative_tolerance": job.tolerance.relative,
        "model": Input(type="custom_model", path=job.model, mode="ro_mount"),
        "table": Input(type="uri_folder", path=job.input_uri, mode="ro_mount"),
    }
    if job.baseline:
        _check(_JOB_NAME, job.baseline, "baseline job name")
        inputs["baseline"] = Input(type="uri_folder", path=_uri(job.baseline), mode="ro_mount")
    entity = command(
        name=job.job_name,
        display_name=f"{job.plant_id}/{job.circuit_id} in {inputs['environment_version']}",
        experiment_name=EXPERIMENT,
        command=COMMAND + (COMPARING if job.baseline else ""),
        environment=job.environment,
        compute=job.compute,
        inputs=inputs,
        outputs={"report": Output(type="uri_folder", path=_uri(job.job_name), mode="rw_mount")},
        tags={"plant_id": job.plant_id, "circuit_id": job.circuit_id, DIGEST_TAG: _digest(job)},
    )
    entity.limits = CommandJobLimits(timeout=JOB_LIMIT_S)
    return entity


def _compare_with_submitted(client: "MLClient", job: CompatibilityJob) -> None:
    """Raises PlatformRefused unless the job of that name is this check."""
    try:
        there = client.jobs.get(job.job_name)
    except AzureError as error:
        raise PlatformErrored(f"check {job.job_name} exists and could not be read: {error}") from error
    if texts(there.tags).get(DIGEST_TAG) != _digest(job):
        raise PlatformRefused(f"job {job.job_name} exists and is another check")


def _digest(job: CompatibilityJob) -> str:
    """Names everything that was asked for."""
    return hashlib.sha256(json.dumps(asdict(job), sort_keys=True).encode()).hexdigest()


def _folder(job_name: str) -> str:
    """Where Azure ML keeps a named output by default; said explicitly, so that it holds whatever the default is."""
    return f"azureml/{job_name}/report"


def _uri(job_name: str) -> str:
    return f"azureml://datastores/{DATASTORE}/paths/{_folder(job_name)}/"


def _registry_version(asset_id: str, registry: str, kind: str) -> str:
    found = re.fullmatch(rf"azureml://registries/{re.escape(registry)}/{kind}/[^/]+/versions/([^/]+)", asset_id)
    if not found:
        raise PlatformRefused(f"{asset_id} is not one of the {kind} of registry {registry}")
    _check(_VERSION, found[1], f"version of {kind}")
    return found[1]


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise PlatformRefused(f"{value!r} cannot be a {what}")
