"""Measures one circuit in production: `python -m sensor_model.monitor performance|drift ...` writes report.json.

Performance compares a month's published predictions with what was measured, drift a quarter's input with the rows the
deployed model was trained on: those up to its cutoff date (R-MON-8). Rows of the quarter that the model was
trained on are left out. Both read one sensor by push-down. What the numbers mean is decided by the release app.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sensor_model import __version__
from sensor_model.drift import ROWS_MIN, drift_of
from sensor_model.features import Scaler
from sensor_model.metadata import METADATA_FILE, ModelFolderError
from sensor_model.performance import measure_predictions
from sensor_model.table import check_features, open_table, read_sensor

REPORT = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What monitoring needs of a model's metadata; models of older environment versions have it too."""

    sensor_id: str
    features: tuple[str, ...]
    scaler: Scaler
    step_s: int
    cutoff_date: date


def read_deployed(folder: Path, plant_id: str, circuit_id: str) -> Deployed:
    """From the one metadata.json below the model's folder. ModelFolderError when it is missing or another circuit's."""
    found = sorted(folder.rglob(METADATA_FILE))
    if len(found) != 1:
        raise ModelFolderError(f"{len(found)} files {METADATA_FILE} below {folder}, not one")
    try:
        content = json.loads(found[0].read_text(encoding="utf-8"))
        of = (content["plant_id"], content["circuit_id"])
        deployed = Deployed(
            sensor_id=content["sensor_id"],
            features=tuple(content["features"]),
            scaler=Scaler.from_dict(content["scaler"]),
            step_s=int(content["step_s"]),
            cutoff_date=date.fromisoformat(content["cutoff_date"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{found[0]} cannot be used ({type(error).__name__}: {error})") from error
    if of != (plant_id, circuit_id):
        raise ModelFolderError(f"the model is that of {'/'.join(of)}, not of {plant_id}/{circuit_id}")
    return deployed


def performance_report(
    deployed: Deployed, table_dir: Path, predictions: Path, first: date, last: date
) -> dict[str, Any]:
    """Metrics of the days `first` to `last`; `inconclusive` says why there are none."""
    table = open_table(table_dir)
    check_features(table, deployed.features, deployed.sensor_id)
    report = measure_predictions(
        table,
        predictions,
        sensor_id=deployed.sensor_id,
        features=deployed.features,
        scaler=deployed.scaler,
        step_s=deployed.step_s,
        first=first,
        last=last,
    )
    why = "" if report["rows"] else "no predicted row has a measured one"
    return {**report, "inconclusive": why}


def drift_report(deployed: Deployed, table_dir: Path, first: date, last: date) -> dict[str, Any]:
    """Drift per feature of the days `first` to `last`; `inconclusive` says why some feature has none."""
    table = open_table(table_dir)
    check_features(table, deployed.features, deployed.sensor_id)
    since = max(first, deployed.cutoff_date + timedelta(days=1))
    about = {"cutoff_date": deployed.cutoff_date.isoformat(), "first": since.isoformat(), "last": last.isoformat()}
    if since > last:
        why = f"the model was trained on data up to {deployed.cutoff_date}, which is all of the quarter"
        return {**about, "rows": 0, "features": {}, "inconclusive": why}
    baseline = read_sensor(table, deployed.sensor_id, deployed.features, last=deployed.cutoff_date)
    current = read_sensor(table, deployed.sensor_id, deployed.features, first=since, last=last)
    found = {name: drift_of(baseline.values[:, at], current.values[:, at]) for at, name in enumerate(deployed.features)}
    too_few = [
        f"{name} ({each.rows} rows, {each.baseline_rows} of training)"
        for name, each in found.items()
        if each.psi is None
    ]
    return {
        **about,
        "rows": min(each.rows for each in found.values()),
        "features": {name: each.psi for name, each in found.items()},
        "details": {name: each.to_dict() for name, each in found.items()},
        "inconclusive": f"fewer than {ROWS_MIN} values: {', '.join(too_few)}" if too_few else "",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one circuit and write its report."""
    parser = argparse.ArgumentParser(prog="python -m sensor_model.monitor", description="Measure one circuit.")
    parser.add_argument("routine", choices=("performance", "drift"))
    parser.add_argument("--plant-id", required=True)
    parser.add_argument("--circuit-id", required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder of the deployed model")
    parser.add_argument("--table", type=Path, required=True, help="folder of the Delta table")
    parser.add_argument("--predictions", type=Path, help="folder with the circuit's <date>.parquet; performance only")
    parser.add_argument("--first", type=date.fromisoformat, required=True, help="first day, YYYY-MM-DD")
    parser.add_argument("--last", type=date.fromisoformat, required=True, help="last day, included")
    parser.add_argument("--output", type=Path, required=True, help=f"folder {REPORT} is written to")
    options = parser.parse_args(arguments)
    deployed = read_deployed(options.model, options.plant_id, options.circuit_id)
    if options.routine == "performance":
        if options.predictions is None:
            parser.error("performance needs --predictions")
        report = performance_report(deployed, options.table, options.predictions, options.first, options.last)
    else:
        report = drift_report(deployed, options.table, options.first, options.last)
    text = json.dumps({**report, "environment_version": __version__}, sort_keys=True, allow_nan=False)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / REPORT).write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
