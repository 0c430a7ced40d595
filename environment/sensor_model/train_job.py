"""The training job of Azure ML (pipelines/training.yml): one circuit's model from its registered training data.

    python -m sensor_model.train_job --plant-id P001 --circuit-id C001 --cutoff-date 2025-12-09
        --training-data FOLDER --table FOLDER --output FOLDER [--seed 7]

`--training-data` is the folder of the data asset, with its MLTable file: which rows are trained on is what the asset
says, so the lineage that Azure ML draws is true. The circuit's file comes base64-encoded in CIRCUIT_CONFIG_BASE64.
Parameters and metrics go to the job's MLflow run.

Exit code 0: the model is in `--output`. 1: the data or the configuration are at fault, which the run's tag
`training_failure` explains; trying again cannot help. Anything else is a technical failure, and leaves no such tag.
"""

import argparse
import base64
import binascii
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sensor_model import __version__, tracking
from sensor_model.circuit import Circuit, CircuitFileError, circuit_of
from sensor_model.features import TooFewRowsError
from sensor_model.table import TableError
from sensor_model.trained_on import TRAINED_ON_FILE
from sensor_model.training_data import TrainingDataError, read_mltable

CONFIG_VARIABLE = "CIRCUIT_CONFIG_BASE64"
FAILURE_TAG = "training_failure"
SEED = 7

EXPLAINED = (CircuitFileError, TrainingDataError, TableError, TooFewRowsError, ValueError)
"""Failures of the data or the configuration. What the machine does wrong is OSError, MemoryError and the like."""


def circuit_for(options: argparse.Namespace, config: str) -> Circuit:
    """The circuit to train, up to the data asset's last day. Raises one of EXPLAINED when parts do not fit."""
    circuit, rows = circuit_of(config, CONFIG_VARIABLE), read_mltable(options.training_data)
    asked = f"{options.plant_id}/{options.circuit_id}"
    for what, said, wanted in (
        ("the configuration is for", f"{circuit.plant_id}/{circuit.circuit_id}", asked),
        ("the data asset ends with", rows.last.isoformat(), options.cutoff_date),
        ("the data asset holds", rows.sensor_id, circuit.sensor_id),
        ("this environment is", __version__, circuit.environment_version),
    ):  # fmt: skip
        if said != wanted:
            raise TrainingDataError(f"{what} {said}, and {wanted} was asked for")
    return replace(circuit, cutoff_date=rows.last)


def decoded_config(text: str) -> str:
    """The circuit's file. Raises CircuitFileError."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise CircuitFileError(f"{CONFIG_VARIABLE} is not base64 of a text: {error}") from error


def _train(options: argparse.Namespace, run: tracking.Run | None) -> None:
    circuit = circuit_for(options, decoded_config(os.environ.get(CONFIG_VARIABLE, "")))
    parameters = {
        "plant_id": circuit.plant_id,
        "circuit_id": circuit.circuit_id,
        "cutoff_date": circuit.cutoff_date.isoformat(),
        "environment_version": circuit.environment_version,
        "features": ",".join(circuit.features),
        "seed": options.seed,
        **circuit.hyperparameters,
    }
    tracking.log(run, parameters=parameters)
    from sensor_model.train import train

    metadata = train(circuit, options.table, options.output, options.seed)
    windows = {"training_windows": metadata.training_windows, "holdout_windows": metadata.holdout_windows}
    tracking.log(run, parameters=_told_data(options.output), metrics={**metadata.metrics, **windows})
    sys.stdout.write(json.dumps({"output": str(options.output), "metrics": dict(metadata.metrics)}) + "\n")


def _told_data(folder: Path) -> dict[str, object]:
    content = json.loads((folder / TRAINED_ON_FILE).read_text(encoding="utf-8"))
    return {f"data_{name}": value for name, value in content.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and say why when that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m sensor_model.train_job", description="Train one circuit's model.")
    parser.add_argument("--plant-id", required=True)
    parser.add_argument("--circuit-id", required=True)
    parser.add_argument("--cutoff-date", required=True, help="last day of training data, YYYY-MM-DD")
    parser.add_argument("--training-data", type=Path, required=True, help="folder of the data asset")
    parser.add_argument("--table", type=Path, required=True, help="folder of the Delta table")
    parser.add_argument("--output", type=Path, required=True, help="folder the model is written to")
    parser.add_argument("--seed", type=int, default=SEED, help="same seed, same model")
    options = parser.parse_args(arguments)
    run = tracking.run_of()
    try:
        _train(options, run)
    except EXPLAINED as error:
        why = f"{type(error).__name__}: {error}"
        sys.stderr.write(why + "\n")
        tracking.log(run, tags={FAILURE_TAG: why})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
