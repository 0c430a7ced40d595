"""Training as a command job of the dev workspace: submitting it, and what it read and measured.

The job is that of `pipelines/training.yml`; a test holds the two together. Its code comes with the environment version
of the circuit's configuration, so nothing is uploaded; the circuit's file goes along as a variable.
"""

import base64
import hashlib
import json
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.adapters.azure_ml import command_jobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.command_jobs import CommandJobs, mounted
from shared.application.errors import PlatformRefused
from shared.application.training.ports import TrainingJob
from shared.domain.predictions import Range, plausible_ranges
from shared.domain.training.lineage import DATA_FACTS, Trained

if TYPE_CHECKING:
    from azure.ai.ml.entities import Command

log = logging.getLogger(__name__)

CONFIG_VARIABLE = "CIRCUIT_CONFIG_BASE64"
CONFIG_BYTES_MAX = 64_000
"""A variable of a process holds 128 KiB on Linux, and base64 takes a third more."""

DIGEST_TAG = "training_digest"
MODEL_OUTPUT = "model"
METADATA_FILE = "metadata.json"
TRAINED_ON_FILE = "training_data.json"
METADATA_BYTES_MAX = 256 * 1024
DATA_INPUT = "training_data"
COMMAND = (
    "python -m sensor_model.train_job --plant-id ${{inputs.plant_id}} --circuit-id ${{inputs.circuit_id}}"
    " --cutoff-date ${{inputs.cutoff_date}} --training-data ${{inputs.training_data}} --table ${{inputs.table}}"
    " --output ${{outputs.model}}"
)
_ASSET = re.compile(r"(?:azureml:|.*/data/)?(?P<name>[^/:]+)(?::|/versions/)(?P<version>[^/:]+)")


class AzureMlTrainingJobs(CommandJobs):
    """Those of the dev workspace."""

    def __init__(self, clients: AzureMlClients) -> None:
        super().__init__(clients, clients.scope.dev_workspace)

    def train(self, job: TrainingJob) -> None:
        """Another training of that name is refused."""
        self.submit(command_job(job), same=DIGEST_TAG)

    def trained(self, job_name: str) -> Trained:
        """What the model's metadata says; the scaler learned mean and deviation from the training rows."""
        metadata = self.report(job_name, METADATA_BYTES_MAX, output=MODEL_OUTPUT, file=METADATA_FILE)
        try:
            metrics = {str(measure): float(value) for measure, value in metadata["metrics"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PlatformRefused(f"{METADATA_FILE} of job {job_name} holds no metrics: {error}") from error
        return Trained(metrics=metrics, ranges=_ranges(metadata, job_name), data=self._trained_on(job_name))

    def _trained_on(self, job_name: str) -> dict[str, str]:
        """Training code of other origin, and that of before, does not tell."""
        try:
            told = self.report(job_name, METADATA_BYTES_MAX, output=MODEL_OUTPUT, file=TRAINED_ON_FILE)
        except PlatformRefused as refused:
            log.warning("it is not known what job %s was trained on: %s", job_name, refused)
            return {}
        return {f"data_{name}": json.dumps(told[name]).strip('"') for name in DATA_FACTS if name in told}

    def data_input(self, job_name: str) -> str:
        """The data asset that the job read, as `name:version`; empty when it read none."""
        job: Any = self.find(job_name)
        given = (job.inputs or {}).get(DATA_INPUT) if job is not None else None
        found = _ASSET.fullmatch(str(getattr(given, "path", None) or ""))
        return f"{found['name']}:{found['version']}" if found else ""


def _ranges(metadata: Mapping[str, Any], job_name: str) -> dict[str, Range]:
    """Training code of other origin may know no scaler: then the range is not known, which the gate warns of."""
    try:
        names, scaler = [str(each) for each in metadata["features"]], metadata["scaler"]
        mean, deviation = (dict(zip(names, map(float, scaler[each]), strict=True)) for each in ("mean", "std"))
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s of job %s holds no plausible range: %r", METADATA_FILE, job_name, error)
        return {}
    return plausible_ranges(mean, deviation)


def command_job(job: TrainingJob) -> "Command":
    """The job as an entity of the client. Raises PlatformRefused for what cannot be part of a command or of a path."""
    wish = job.request
    command_jobs.check_circuit(wish.plant_id, wish.circuit_id)
    config = wish.config_yaml.encode()
    if len(config) > CONFIG_BYTES_MAX:
        raise PlatformRefused(f"the circuit's file has {len(config)} bytes; {CONFIG_BYTES_MAX} are the limit")
    return command_jobs.command_job(
        job.job_name,
        job.limit_s,
        output=MODEL_OUTPUT,
        display_name=f"Train_{wish.plant_id}_{wish.circuit_id}_{wish.pr_number.replace('-', '')}",
        experiment_name=f"plant_{wish.plant_id}_circuit_{wish.circuit_id}",
        command=COMMAND,
        environment=f"azureml:{job.environment_name}:{wish.environment_version}",
        compute=job.compute,
        inputs={
            "plant_id": wish.plant_id,
            "circuit_id": wish.circuit_id,
            "cutoff_date": wish.cutoff_date.isoformat(),
            DATA_INPUT: mounted(f"azureml:{job.data_asset}:{job.data_version}", "mltable"),
            "table": mounted(job.table_uri),
        },
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


def _digest(job: TrainingJob) -> str:
    """Names everything that was asked for."""
    wish = job.request
    asked = [job.data_asset, job.data_version, job.environment_name, wish.environment_version, job.compute]
    return hashlib.sha256(json.dumps([*asked, job.table_uri, wish.config_yaml, job.run_id]).encode()).hexdigest()
