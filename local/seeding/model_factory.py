"""What happens before a release, on a running local cloud: sensor data, training, registration in the dev workspace.

Training runs in a process of its own, as a job would; registration uses the real client with a demo person's token.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import redirect
from local.identity.people import user_name
from local.seeding.credentials import PersonCredential
from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.parts import REPOSITORY
from local.supervisor.settings import RESOURCE_GROUP, SUBSCRIPTION
from shared.domain.predictions import RANGES_TAG, plausible_ranges, ranges_text

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

ENVIRONMENT_FILE = REPOSITORY / "environment" / "custom_tf_env.yml"
TABLE = "processed/sensor_data"
LAST_DAY = "2025-12-09"  # the cutoff date of the sample fleet
DAYS = 30
ENVIRONMENT_NAME = "custom-tf-env"
SHA_DIGITS = 40


@dataclass(frozen=True)
class Circuit:
    """A circuit of the fleet."""

    plant_id: str
    circuit_id: str

    @property
    def model_name(self) -> str:
        return f"sensor_model_{self.plant_id}_{self.circuit_id}"

    def __str__(self) -> str:
        return f"{self.plant_id}/{self.circuit_id}"


class ModelFactory:
    """Trains and registers models in the dev workspace as `person`. Redirects the SDKs of this process."""

    def __init__(self, cloud: LocalCloud, person: str = "trainer") -> None:
        redirect.install(**cloud.redirect_targets)
        self._cloud = cloud
        self._person = person
        self._config = cloud.layout.config_dir
        self._models = cloud.data / "models"
        self.table = cloud.layout.lake / TABLE

    def circuit(self, text: str) -> Circuit:
        """From `P001/C001`. Raises `CloudError` for a circuit that the fleet does not have."""
        plant_id, _, circuit_id = text.partition("/")
        circuit = Circuit(plant_id, circuit_id)
        if not self._file_of(circuit).is_file():
            known = [f"{file.parent.name}/{file.stem}" for file in sorted(self._config.glob("plants/*/*.yml"))]
            raise CloudError(f"There is no circuit {text!r}; the fleet has {', '.join(known)}.")
        return circuit

    def write_data(self, config: Path | None = None, *, last_day: str = LAST_DAY, days: int = DAYS) -> dict[str, Any]:
        """Write hourly rows of every sensor of the fleet up to a day, without the rows that the table has already. The
        fleet is that of `config`, or else the one that the app was published with."""
        return _run(
            "sensor_model.data", "--table", str(self.table), "--config-dir", str(config or self._config),
            "--days", str(days), "--end-date", last_day,
        )  # fmt: skip

    def write_recent_data(self, today: date) -> dict[str, Any]:
        """The same for the days up to yesterday, since the beginning of the last full quarter: what daily inference and
        the checks of a month and of a quarter look at. Takes some seconds a month."""
        first, last = recent_days(today)
        return _run(
            "sensor_model.data", "--table", str(self.table), "--config-dir", str(self._config),
            "--days", str((last - first).days + 1), "--end-date", last.isoformat(),
        )  # fmt: skip

    def train(self, circuit: Circuit) -> Path:
        """The folder of the circuit's trained model; trained once per data directory, in about 10 s."""
        folder = self._models / circuit.plant_id / circuit.circuit_id
        if not (folder / "metadata.json").is_file():
            _run(
                "sensor_model.train", "--config", str(self._file_of(circuit)), "--table", str(self.table),
                "--output", str(folder),
            )  # fmt: skip
        return folder

    def workspace(self, setting: str = "DEV_WORKSPACE") -> MLClient:
        """The real client of one of the workspaces, signed in as the person."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the client's own dependencies deprecate each other on import
            from azure.ai.ml import MLClient
        logging.getLogger("azure.ai.ml").setLevel(logging.CRITICAL)
        workspace = self._cloud.env()[setting]
        credential = PersonCredential(self._cloud.urls["identity"], self._person)
        return MLClient(credential, SUBSCRIPTION, RESOURCE_GROUP, workspace, show_progress=False)

    def register_environment(self) -> str:
        """`name:version` of the environment of environment/, registered in dev unless it is there."""
        from azure.ai.ml import load_environment
        from azure.core.exceptions import ResourceNotFoundError

        wanted = load_environment(ENVIRONMENT_FILE)
        environments = self.workspace().environments
        try:
            environments.get(str(wanted.name), str(wanted.version))
        except ResourceNotFoundError:
            environments.create_or_update(wanted)
        return f"{wanted.name}:{wanted.version}"

    def register_model(self, circuit: Circuit, folder: Path, pull_request: str) -> str:
        """Register the folder as the next version of the circuit's model; returns the version."""
        from azure.ai.ml.entities import Model

        model = Model(name=circuit.model_name, path=str(folder), tags=self._tags(circuit, folder, pull_request))
        return str(self.workspace().models.create_or_update(model).version)

    def _file_of(self, circuit: Circuit) -> Path:
        return self._config / "plants" / circuit.plant_id / f"{circuit.circuit_id}.yml"

    def _tags(self, circuit: Circuit, folder: Path, pull_request: str) -> dict[str, str]:
        metadata: Mapping[str, Any] = json.loads((folder / "metadata.json").read_text())
        content = self._file_of(circuit).read_bytes()  # there is no commit here: the digest of the file stands for it
        mean, deviation = (
            dict(zip(metadata["features"], metadata["scaler"][each], strict=True)) for each in ("mean", "std")
        )
        return {
            "plant_id": circuit.plant_id,
            "circuit_id": circuit.circuit_id,
            "pr_number": pull_request,
            "pr_author": user_name(self._person),
            "git_commit_sha": hashlib.sha256(content).hexdigest()[:SHA_DIGITS],
            "cutoff_date": metadata["cutoff_date"],
            "data_asset_name": f"sensor_training_data_{circuit.plant_id}_{circuit.circuit_id}",
            "data_asset_version": metadata["cutoff_date"],
            "environment_name": ENVIRONMENT_NAME,
            "environment_version": metadata["environment_version"],
            "hyperparameters_hash": metadata["hyperparameters_hash"],
            RANGES_TAG: ranges_text(plausible_ranges(mean, deviation)),
            **{name: str(value) for name, value in metadata["metrics"].items()},
        }


def recent_days(today: date) -> tuple[date, date]:
    """The first day of the last quarter that is over, and yesterday."""
    this_quarter = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    last_quarter = (this_quarter - timedelta(days=1)).replace(day=1)
    return last_quarter.replace(month=last_quarter.month - 2), today - timedelta(days=1)


def job_variables() -> dict[str, str]:
    """Variables of a process that runs the environment's code the way a job would."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / "environment"), "TF_CPP_MIN_LOG_LEVEL": "3"}


def _run(module: str, *options: str) -> dict[str, Any]:
    """Run a module of the environment the way a job would; its last line of output is JSON. Raises `CloudError`."""
    command = [sys.executable, "-m", module, *options]
    done = subprocess.run(  # nosec B603 # this interpreter and modules of this repository, without a shell
        command, env=job_variables(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CloudError(f"{module} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
