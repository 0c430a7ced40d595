"""Compatibility checks as command jobs of the test workspace: submitting one, and reading the report it wrote.

The job is that of `pipelines/environment_compatibility_test.yml`; a test holds the two together. Its code comes with
the environment version under test, so nothing is uploaded.
"""

import hashlib
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shared.adapters.azure_ml import command_jobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.command_jobs import CommandJobs, check, folder, mounted, uri
from shared.application.errors import PlatformRefused
from shared.application.platform_ports import CompatibilityJob

if TYPE_CHECKING:
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

_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6}){0,2}")  # a word of a command line


class AzureMlChecks:
    """The blocking calls about checks; each runs in the pool."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._registry = clients.scope.registry
        self._jobs = CommandJobs(clients, clients.scope.test_workspace)

    def submit(self, job: CompatibilityJob) -> None:
        """Another check of that name is refused."""
        self._jobs.submit(command_job(job, self._registry), same=DIGEST_TAG)

    def report(self, job_name: str) -> dict[str, Any]:
        """The name of its file says what was checked."""
        return self._jobs.report(job_name, REPORT_BYTES_MAX, file="")


def command_job(job: CompatibilityJob, registry: str) -> "Command":
    """The job as an entity of the client. Raises PlatformRefused for what cannot be part of a command or of a path."""
    command_jobs.check_circuit(job.plant_id, job.circuit_id)
    inputs: dict[str, Any] = {
        "plant_id": job.plant_id,
        "circuit_id": job.circuit_id,
        "model_version": _registry_version(job.model, registry, "models"),
        "environment_version": _registry_version(job.environment, registry, "environments"),
        "absolute_tolerance": job.tolerance.absolute,
        "relative_tolerance": job.tolerance.relative,
        "model": mounted(job.model, "custom_model"),
        "table": mounted(job.input_uri),
    }
    if job.baseline:
        inputs["baseline"] = mounted(uri(folder(job.baseline)))
    return command_jobs.command_job(
        job.job_name,
        JOB_LIMIT_S,
        display_name=f"{job.plant_id}/{job.circuit_id} in {inputs['environment_version']}",
        experiment_name=EXPERIMENT,
        command=COMMAND + (COMPARING if job.baseline else ""),
        environment=job.environment,
        compute=job.compute,
        inputs=inputs,
        tags={"plant_id": job.plant_id, "circuit_id": job.circuit_id, DIGEST_TAG: _digest(job)},
    )


def _digest(job: CompatibilityJob) -> str:
    """Names everything that was asked for."""
    return hashlib.sha256(json.dumps(asdict(job), sort_keys=True).encode()).hexdigest()


def _registry_version(asset_id: str, registry: str, kind: str) -> str:
    found = re.fullmatch(rf"azureml://registries/{re.escape(registry)}/{kind}/[^/]+/versions/([^/]+)", asset_id)
    if not found:
        raise PlatformRefused(f"{asset_id} is not one of the {kind} of registry {registry}")
    check(_VERSION, found[1], f"version of {kind}")
    return found[1]
