"""Trains one circuit's model.

`python -m sensor_model.train --config config/plants/P001/C001.yml --table DIR --output DIR` reads the circuit's rows
up to its cutoff date, holds the last fifth back to measure on, and writes model.keras and metadata.json. Same table,
configuration and seed give the same weights and metrics.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sensor_model import __version__, network
from sensor_model.circuit import Circuit, hyperparameters_hash, read_circuit
from sensor_model.features import Floats, Scaler, TooFewRowsError, Windows, make_windows, usual_step_s
from sensor_model.metadata import MODEL_FILE, ModelMetadata
from sensor_model.performance import Tally
from sensor_model.table import NoRowsError, check_features, open_table, read_sensor
from sensor_model.trained_on import TrainedOn, trained_on

HOLDOUT_SHARE = 0.2
WINDOWS_MIN = 50
"""Fewer windows say nothing about a model: about three days of hourly rows beyond the first window."""


def train(circuit: Circuit, table_dir: Path, output: Path, seed: int) -> ModelMetadata:
    """Train, measure and write the model's folder."""
    hyperparameters = circuit.hyperparameters
    windows, step_s, data = _windows(circuit, table_dir)
    split = round(len(windows) * (1 - HOLDOUT_SHARE))
    training, holdout = windows.part(slice(0, split)), windows.part(slice(split, None))
    scaler = Scaler.fit(np.concatenate([training.inputs[0], training.targets]))
    model = network.build(len(circuit.features), hyperparameters, seed)
    network.fit(model, _scaled(training, scaler), hyperparameters)
    predicted = network.predict(model, scaler.scale(holdout.inputs))
    metadata = ModelMetadata(
        plant_id=circuit.plant_id,
        circuit_id=circuit.circuit_id,
        sensor_id=circuit.sensor_id,
        features=circuit.features,
        sequence_length=int(hyperparameters["sequence_length"]),
        step_s=step_s,
        scaler=scaler.to_dict(),
        cutoff_date=circuit.cutoff_date.isoformat(),
        hyperparameters=hyperparameters,
        hyperparameters_hash=hyperparameters_hash(hyperparameters),
        seed=seed,
        training_windows=len(training),
        holdout_windows=len(holdout),
        metrics=measure(holdout.targets, scaler.restore(predicted), scaler),
        tensorflow_version=str(network.tensorflow().__version__),
        environment_version=__version__,
    )
    output.mkdir(parents=True, exist_ok=True)
    model.save(output / MODEL_FILE)
    metadata.write(output)
    data.write(output)
    return metadata


def measure(actual: Floats, predicted: Floats, scaler: Scaler) -> dict[str, float]:
    """What monitoring measures too (R-MON-4), in the same way; what cannot be measured on these rows is left out."""
    if not np.isfinite(predicted).all():
        raise ValueError("the trained model predicts values that are no numbers: lower the learning rate")
    tally = Tally(actual.shape[1])
    tally.add(actual, predicted, scaler)
    return {name: value for name, value in tally.metrics().items() if value is not None}


def _windows(circuit: Circuit, table_dir: Path) -> tuple[Windows, int, TrainedOn]:
    table = open_table(table_dir)
    check_features(table, circuit.features, f"the model of {circuit.plant_id}/{circuit.circuit_id}")
    readings = read_sensor(table, circuit.sensor_id, circuit.features, last=circuit.cutoff_date)
    if len(readings) == 0:
        raise NoRowsError(
            f"{circuit.sensor_id} has no rows up to {circuit.cutoff_date}: check the sensor id and the cutoff date"
        )
    step_s = usual_step_s(readings.times)
    windows = make_windows(readings, int(circuit.hyperparameters["sequence_length"]), step_s)
    if len(windows) < WINDOWS_MIN:
        raise TooFewRowsError(
            f"{circuit.sensor_id}: {len(readings)} rows up to {circuit.cutoff_date} give {len(windows)} windows, "
            f"at least {WINDOWS_MIN} are needed: load more days or shorten sequence_length"
        )
    return windows, step_s, trained_on(table, readings, circuit.cutoff_date)


def _scaled(windows: Windows, scaler: Scaler) -> Windows:
    return Windows(scaler.scale(windows.inputs), scaler.scale(windows.targets), windows.times)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one circuit and print its metadata as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m sensor_model.train", description="Train one circuit's model.")
    parser.add_argument("--config", type=Path, required=True, help="config/plants/<plant_id>/<circuit_id>.yml")
    parser.add_argument("--table", type=Path, required=True, help="folder of the Delta table")
    parser.add_argument("--output", type=Path, required=True, help="folder the model is written to")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same model")
    options = parser.parse_args(arguments)
    circuit = read_circuit(options.config)
    if circuit.environment_version != __version__:
        parser.error(
            f"{options.config} wants environment {circuit.environment_version} and this is {__version__}: "
            "run the job in that version, or change environment_version"
        )
    metadata = train(circuit, options.table, options.output, options.seed)
    sys.stdout.write(json.dumps({"output": str(options.output), "metrics": dict(metadata.metrics)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
