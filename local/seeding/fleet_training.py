"""Trains many circuits in one process, so that TensorFlow is imported once: an environment's job, not the supervisor's.

`python -m local.seeding.fleet_training --config-dir DIR --table DIR --output DIR P001/C001 P001/C002 ...` writes
`OUTPUT/<plant_id>/<circuit_id>/` with the training code of the environment on the PYTHONPATH. Standard output has one
line of JSON per model as soon as it is there: `{"circuit": "P001/C001"}`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

SEED = 7  # of sensor_model.train


def main() -> int:
    """Train the circuits one after the other."""
    parser = argparse.ArgumentParser(prog="python -m local.seeding.fleet_training", description="Train many circuits.")
    parser.add_argument("--config-dir", type=Path, required=True, help="folder with plants/<plant>/<circuit>.yml")
    parser.add_argument("--table", type=Path, required=True, help="folder of the Delta table")
    parser.add_argument("--output", type=Path, required=True, help="folder the models' folders are written to")
    parser.add_argument("circuits", nargs="+", metavar="PLANT/CIRCUIT")
    options = parser.parse_args()
    from sensor_model import network
    from sensor_model.circuit import read_circuit
    from sensor_model.train import train

    # Each of these models takes a few steps: tracing a graph of its own for them takes longer than they do.
    network.tensorflow().config.run_functions_eagerly(True)
    for name in options.circuits:
        circuit = read_circuit(options.config_dir / "plants" / f"{name}.yml")
        train(circuit, options.table, options.output / name, SEED)
        network.tensorflow().keras.backend.clear_session(free_memory=False)  # a fleet of graphs must not pile up
        sys.stdout.write(json.dumps({"circuit": name}) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
