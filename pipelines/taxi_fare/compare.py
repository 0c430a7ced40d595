"""Compares two models on the same rides, and says whether the candidate is better: `metrics/comparison.json`.

Better is a lower mean absolute error. Without a baseline, which is how the first model comes, the candidate is better.
"""

import argparse
import json
from pathlib import Path

from score import Model, fares, read_model
from train import read_rides


def errors_of(model: Model, rides: list[dict[str, float]]) -> dict[str, float]:
    """Mean absolute error and root of the mean squared error, in dollars."""
    off = [said - ride["fare"] for said, ride in zip(fares(model, rides), rides, strict=True)]
    return {
        "mae": sum(map(abs, off)) / len(off),
        "rmse": (sum(each * each for each in off) / len(off)) ** 0.5,
    }


def main() -> None:
    """The command of the job."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--candidate", type=Path, required=True)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    rides = read_rides(options.data)
    candidate = errors_of(read_model(options.candidate), rides)
    report: dict[str, object] = {"improved": True, "candidate": candidate}
    if options.baseline:
        baseline = errors_of(read_model(options.baseline), rides)
        report |= {"improved": candidate["mae"] < baseline["mae"], "baseline": baseline}
    file = options.output / "metrics" / "comparison.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=2), encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
