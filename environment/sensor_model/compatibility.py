"""The compatibility check: do production's models still work, and predict the same, in another environment version?

A job runs in one environment version, so a check is two runs and a comparison. The run in the current version may be
done once and kept: a report holds as long as `table_version` is the version of the sensor table.

    python -m sensor_model.compatibility check --model P001/C001:2=MODEL_DIR [--model ...] | --models MANIFEST
        --table TABLE_DIR [--output outputs/compatibility] [--environment-version 1.5.1] [--baseline REPORTS]
    python -m sensor_model.compatibility compare CURRENT NEW [--output FILE]

`check` runs the deployment's own script (`sensor_model.score`) on each model and the circuit's latest day, and writes
`OUTPUT/<plant_id>/<circuit_id>/model-<version>-environment-<version>.json`. TensorFlow is loaded once for all models;
one that fails gets a report that says so, and the next one is checked. `--environment-version` refuses to run in any
other version. `--baseline`, a file or folder, compares each report with the one of the current version at once.
`compare` compares two files, or all models of the folder NEW with those of the folder CURRENT. Both take
`--absolute-tolerance` and `--relative-tolerance`. MANIFEST is JSON; relative paths start at its folder:
`{"models": [{"plant_id": "P001", "circuit_id": "C001", "model_version": "2", "path": "P001/C001"}]}`.

Exit code 0 says that every model was checked or compared, not that it is compatible: read the verdicts. 2 says that the
work could not be done (bad manifest, no table, wrong environment version). A model without a report has not passed.

A report, format 1 (`Report` in compatibility_report): plant_id, circuit_id, model_version, environment_version,
table_version (of the Delta table), status `scored | failed`, error, day (YYYY-MM-DD), rows, rows_left_out, finite,
digest (of columns), schema (column: Arrow type), columns (column: values, all but environment_version; timestamps and
dates as ISO 8601), load_s, score_s, format, comparison (null without --baseline). A comparison (`Comparison`):
verdict `identical | within tolerance | changed | unclear | failed`, reasons, comparable, values, beyond_tolerance,
largest_absolute and largest_relative (value, column, timestamp, current, new; null when nothing differs), seconds
(current, new). Standard output has one line of JSON per model, without predictions, and a last line for the whole run.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sensor_model import __version__
from sensor_model.compatibility_report import (
    VERSION_COLUMN,
    Comparison,
    Report,
    ReportError,
    Tolerance,
    check_identity,
    compare,
    digest,
    read_reports,
)

MODELS_MAX = 1000
"""Models one job may check; more are a mistake in the manifest."""

TABLE_LOOKS_MAX = 3
"""Tries to score a model while the sensor table stays as it is; it is loaded every three hours (R-DATA-6)."""

_MODEL = re.compile(r"(?P<plant_id>[^/:=]+)/(?P<circuit_id>[^/:=]+):(?P<model_version>[^/:=]+)=(?P<path>.+)")


class CheckError(RuntimeError):
    """The check cannot be done at all; no model is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model to check: whose it is, its version, and its folder as Azure ML mounts it."""

    plant_id: str
    circuit_id: str
    model_version: str
    path: Path

    def __post_init__(self) -> None:
        check_identity(self.identity)

    @property
    def identity(self) -> dict[str, str]:
        """The fields that name the model."""
        return {"plant_id": self.plant_id, "circuit_id": self.circuit_id, "model_version": self.model_version}

    @classmethod
    def named(cls, text: str) -> "Model":
        """From `P001/C001:2=FOLDER`."""
        found = _MODEL.fullmatch(text)
        if not found:
            raise CheckError(f"{text!r} names no model: write PLANT/CIRCUIT:VERSION=FOLDER")
        return cls(
            plant_id=found["plant_id"],
            circuit_id=found["circuit_id"],
            model_version=found["model_version"],
            path=Path(found["path"]),
        )


def read_manifest(path: Path) -> list[Model]:
    """The models of a manifest; CheckError when it is not one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [Model(**{**each, "path": path.parent / each["path"]}) for each in content["models"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckError(f"{path} is no manifest of models ({type(error).__name__}: {error})") from error


def check_model(model: Model, table_dir: Path) -> Report:
    """Score the model's latest day in this environment version. What the scoring code raises becomes the report."""
    from sensor_model.table import open_table

    for _ in range(TABLE_LOOKS_MAX):
        table_version = open_table(table_dir).version()
        report = _score(model, table_dir, table_version)
        if open_table(table_dir).version() == table_version:
            return report
    raise CheckError(f"{table_dir} changed {TABLE_LOOKS_MAX} times while a model was scored: check after the load")


def _score(model: Model, table_dir: Path, table_version: int) -> Report:
    """One try. Imports here and above are late because comparing needs none of them."""
    import pyarrow.parquet as pq

    from sensor_model import network, score

    about: dict[str, Any] = {**model.identity, "environment_version": __version__, "table_version": table_version}
    with tempfile.TemporaryDirectory() as output, _variables(_deployment(model, Path(output))):
        started = time.perf_counter()
        try:
            score.init()
            loaded = time.perf_counter()
            receipt = json.loads(score.run([_any_file(table_dir)])[0])
            scored = time.perf_counter()
            rows = pq.read_table(Path(output) / receipt["output"], partitioning=None)
        except Exception as error:  # whatever the version under test raises is its result, and the next model's turn
            return Report(**about, status="failed", error=f"{type(error).__name__}: {error}", schema={}, columns={})
        finally:
            network.tensorflow().keras.backend.clear_session(free_memory=False)  # a list must not pile up
    columns = {name: [_plain(value) for value in rows[name].to_pylist()] for name in rows.column_names}
    columns.pop(VERSION_COLUMN, None)
    finite = all(value is not None for values in columns.values() for value in values)
    return Report(
        **about,
        status="scored" if finite else "failed",
        error="" if finite else "the predictions hold values that are no numbers",
        day=receipt["date"],
        rows=rows.num_rows,
        rows_left_out=receipt["rows_left_out"],
        finite=finite,
        digest=digest(columns),
        schema={field.name: str(field.type) for field in rows.schema},
        columns=columns,
        load_s=round(loaded - started, 3),
        score_s=round(scored - loaded, 3),
    )


def _deployment(model: Model, output: Path) -> dict[str, str]:
    """The variables a deployment of the model would have."""
    return {
        "AZUREML_MODEL_DIR": str(model.path),
        "AZUREML_BI_OUTPUT_PATH": str(output),
        "PLANT_ID": model.plant_id,
        "CIRCUIT_ID": model.circuit_id,
        "MODEL_VERSION": model.model_version,
    }


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _any_file(table_dir: Path) -> str:
    """A file of the table, as Azure ML would hand one out; the script finds the table above it."""
    return str(next(iter((table_dir / "_delta_log").iterdir())))


def _plain(value: Any) -> Any:
    """A value as JSON; null for what is no number."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:  # infinite or not a number
        return None
    return value


def _check(options: argparse.Namespace) -> None:
    from sensor_model import network
    from sensor_model.table import TableError, open_table

    started = time.perf_counter()
    models = read_manifest(options.models) if options.models else [Model.named(text) for text in options.model]
    twice = [
        each
        for each, count in Counter((m.plant_id, m.circuit_id, m.model_version) for m in models).items()
        if count > 1
    ]
    if twice or not 0 < len(models) <= MODELS_MAX:
        raise CheckError(f"1 to {MODELS_MAX} models, each once, can be checked; {len(models)} given, twice: {twice}")
    if options.environment_version not in (None, __version__):
        raise CheckError(f"environment {options.environment_version} was meant and this is {__version__}")
    baseline = read_reports(options.baseline) if options.baseline else {}
    try:
        open_table(options.table)
    except TableError as error:
        raise CheckError(str(error)) from error
    network.tensorflow()
    start_s, failed = time.perf_counter() - started, 0
    for model in models:
        report = check_model(model, options.table)
        comparison = compare(baseline.get(report.model), report, options.tolerance) if options.baseline else None
        report.write(options.output, comparison)
        failed += report.status == "failed"
        _say({**report.summary(), "comparison": asdict(comparison) if comparison else None})
    seconds = round(time.perf_counter() - started, 3)
    _say({"checked": len(models), "failed": failed, "start_s": round(start_s, 3), "seconds": seconds})


def _compare(options: argparse.Namespace) -> None:
    current, new = read_reports(options.current), read_reports(options.new)
    if not new:
        raise CheckError(f"no reports in {options.new}")
    results = [_named(report, compare(current.get(model), report, options.tolerance)) for model, report in new.items()]
    if options.output:
        options.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    for result in results:
        _say(result)
    _say({"compared": len(results), "verdicts": dict(Counter(result["verdict"] for result in results))})


def _named(report: Report, comparison: Comparison) -> dict[str, Any]:
    plant_id, circuit_id, model_version = report.model
    about = {"plant_id": plant_id, "circuit_id": circuit_id, "model_version": model_version}
    return {**about, "environment_version": report.environment_version, **asdict(comparison)}


def _say(content: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sensor_model.compatibility", description="Check compatibility.")
    commands = parser.add_subparsers(required=True)
    check = commands.add_parser("check", help="score models in this environment version")
    which = check.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", action="append", help="PLANT/CIRCUIT:VERSION=FOLDER, as often as needed")
    which.add_argument("--models", type=Path, help="manifest, JSON")
    check.add_argument("--table", type=Path, required=True, help="folder of the Delta table")
    check.add_argument("--output", type=Path, default=Path("outputs/compatibility"), help="folder for the reports")
    check.add_argument("--environment-version", help="refuse to run in another version")
    check.add_argument("--baseline", type=Path, help="reports of the current version, to compare with")
    check.set_defaults(run=_check)
    comparing = commands.add_parser("compare", help="compare reports of two environment versions")
    comparing.add_argument("current", type=Path, help="report, or folder of reports, of the current version")
    comparing.add_argument("new", type=Path, help="report, or folder of reports, of the new version")
    comparing.add_argument("--output", type=Path, help="file for all comparisons, JSON")
    comparing.set_defaults(run=_compare)
    for command in (check, comparing):
        command.add_argument("--absolute-tolerance", type=float, default=Tolerance().absolute)
        command.add_argument("--relative-tolerance", type=float, default=Tolerance().relative)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `check` or `compare`; 0 when the work was done, 2 with the reason when it could not be."""
    options = _parser().parse_args(arguments)
    options.tolerance = Tolerance(absolute=options.absolute_tolerance, relative=options.relative_tolerance)
    try:
        options.run(options)
    except (CheckError, ReportError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
