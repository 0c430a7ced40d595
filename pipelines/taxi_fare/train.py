"""Makes rides up, and trains a model of their fares by least squares, in a moment.

`python train.py --rides rides.csv --features distance_km --output model`; `--make N` writes so many rides first.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from score import MODEL_FILE, feature

COLUMNS = ("distance_km", "minutes", "hour", "passengers", "fare")


def make_rides(count: int, seed: int) -> list[dict[str, float]]:
    """Rides whose fares depend on distance, time and night, and on chance by a dollar or so."""
    rng = np.random.default_rng(seed)
    rides = []
    for _ in range(count):
        distance = float(rng.gamma(2.0, 2.5)) + 0.5
        minutes = distance * 2.2 + float(rng.gamma(2.0, 2.0))
        ride = {"distance_km": round(distance, 2), "minutes": round(minutes, 1), "hour": float(rng.integers(0, 24))}
        fare = 3.0 + 1.75 * distance + 0.4 * minutes + 2.5 * feature(ride, "night") + float(rng.normal(0, 1))
        rides.append({**ride, "passengers": float(rng.integers(1, 5)), "fare": round(max(3.0, fare), 2)})
    return rides


def write_rides(file: Path, rides: list[dict[str, float]]) -> None:
    """As CSV."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rides)


def read_rides(folder: Path) -> list[dict[str, float]]:
    """All rides of a folder, or of a file."""
    files = sorted(folder.rglob("*.csv")) if folder.is_dir() else [folder]
    rides: list[dict[str, float]] = []
    for file in files:
        with file.open(newline="", encoding="utf-8") as stream:
            rides += [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
    return rides


def train(rides: list[dict[str, float]], features: list[str]) -> dict[str, list[str] | list[float]]:
    """The weights with the least squared error."""
    inputs = np.array([[1.0, *(feature(ride, name) for name in features)] for ride in rides])
    weights, *_ = np.linalg.lstsq(inputs, np.array([ride["fare"] for ride in rides]), rcond=None)
    return {"features": features, "weights": [float(weight) for weight in weights]}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rides", type=Path, required=True)
    parser.add_argument("--make", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--features", nargs="*", default=[])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.make:
        write_rides(options.rides, make_rides(options.make, options.seed))
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        model = train(read_rides(options.rides), options.features)
        (options.output / MODEL_FILE).write_text(json.dumps(model), encoding="utf-8")


if __name__ == "__main__":
    main()
