"""What a compatibility check found out about one model in one environment version, and how two such reports compare.

The standard library only, so that reports can be compared anywhere. The format is described in `compatibility`.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from statistics import pstdev
from typing import Any, Self

FORMAT = 1
VERSION_COLUMN = "environment_version"
"""The one column of the predictions that must differ between two environment versions; reports leave it out."""

_IDENTITY = {
    "plant_id": re.compile(r"P[0-9]{3,6}"),
    "circuit_id": re.compile(r"C[0-9]{3,6}"),
    "model_version": re.compile(r"[0-9]{1,9}"),
    "environment_version": re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}"),
}
_NUMERIC = ("double", "float", "halffloat", "int", "uint")

Columns = Mapping[str, Sequence[Any]]


class ReportError(ValueError):
    """A file is not a report, or not one that can be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One model, scored in one environment version. `columns` holds the predictions, `environment_version` left out.

    `error` is empty exactly when `status` is `scored`; a failed report has no rows and an empty digest, except that
    predictions which are no numbers keep their rows (`finite` is false, the bad values are null).
    """

    plant_id: str
    circuit_id: str
    model_version: str
    environment_version: str
    table_version: int
    status: str
    error: str = ""
    day: str = ""
    rows: int = 0
    rows_left_out: int = 0
    finite: bool = False
    digest: str = ""
    schema: Mapping[str, str]
    columns: Columns
    load_s: float = 0.0
    score_s: float = 0.0
    format: int = FORMAT

    def __post_init__(self) -> None:
        """ReportError unless the fields agree with each other."""
        check_identity({name: getattr(self, name) for name in _IDENTITY})
        if self.format != FORMAT:
            raise ReportError(f"format {self.format}, this code reads {FORMAT}: check the model again")
        if (self.status == "scored") is bool(self.error) or self.status not in ("scored", "failed"):
            raise ReportError(f"status {self.status!r} does not go with error {self.error!r}")
        if set(self.columns) != set(self.schema) - {VERSION_COLUMN}:
            raise ReportError("columns and schema do not name the same columns")
        if any(len(values) != self.rows for values in self.columns.values()):
            raise ReportError(f"a column does not have {self.rows} values")
        if self.status == "scored" and not (self.rows and self.finite and "timestamp" in self.columns):
            raise ReportError("predictions without rows, timestamps or numbers are not scored")

    @property
    def model(self) -> tuple[str, str, str]:
        """Plant, circuit and model version: what a report of another environment version is found by."""
        return self.plant_id, self.circuit_id, self.model_version

    @property
    def path(self) -> Path:
        """Where the report lies below the output folder; one name per model and environment version."""
        name = f"model-{self.model_version}-environment-{self.environment_version}.json"
        return Path(self.plant_id) / self.circuit_id / name

    def summary(self) -> dict[str, Any]:
        """All but the predictions and their schema."""
        return {name: value for name, value in asdict(self).items() if name not in ("columns", "schema")}

    def write(self, folder: Path, comparison: "Comparison | None" = None) -> Path:
        """Write the report below the folder, all of it or nothing."""
        path = folder / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {**asdict(self), "comparison": asdict(comparison) if comparison else None}
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        unfinished.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")
        unfinished.replace(path)
        return path

    @classmethod
    def read(cls, path: Path) -> Self:
        """ReportError unless the file is a report of this format whose predictions are as they were written."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content.pop("comparison", None)
            report = cls(**content)
            intact = report.digest == (digest(report.columns) if report.rows else "")
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ReportError(f"{path} is not a compatibility report: {error}") from error
        if not intact:
            raise ReportError(f"{path}: the predictions do not have the digest written beside them: check again")
        return report


def read_reports(place: Path) -> dict[tuple[str, str, str], Report]:
    """The reports of a file or of a folder, by model. ReportError when a model has two."""
    found: dict[tuple[str, str, str], Report] = {}
    for path in sorted(place.rglob("model-*-environment-*.json")) if place.is_dir() else [place]:
        report = Report.read(path)
        if report.model in found:
            raise ReportError(f"{place} has two reports of model {'/'.join(report.model)}: keep the one to compare")
        found[report.model] = report
    return found


def check_identity(values: Mapping[str, str]) -> None:
    """ReportError unless plant, circuit, model version and environment version are written as the fleet writes them."""
    for name, value in values.items():
        if not isinstance(value, str) or not _IDENTITY[name].fullmatch(value):
            raise ReportError(f"{name} {value!r} is not of the form {_IDENTITY[name].pattern}")


def digest(columns: Columns) -> str:
    """Names equal predictions: the SHA-256 of every column but `environment_version`, floats to the last bit."""
    text = json.dumps(columns, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


class Verdict(StrEnum):
    """From best to worst. `changed` and `unclear` are inconclusive: a person decides. A model that is scored in neither
    version is unclear: that says nothing about the new one."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    CHANGED = "changed"
    UNCLEAR = "unclear"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """Two numbers are alike when they differ by at most `absolute` (in the feature's unit) or by the share `relative`
    of the larger one, or of the standard deviation of the feature's predictions: to it, 0 is a number like any other.

    The defaults allow for the order of sums of 32-bit numbers, which another build of TensorFlow may change.
    """

    absolute: float = 1e-6
    relative: float = 1e-5

    def allows(self, absolute: float, relative: float) -> bool:
        """Whether one difference is small enough."""
        return absolute <= self.absolute or relative <= self.relative


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The row and column where two predictions are farthest apart, by `value`."""

    value: float
    column: str
    timestamp: str
    current: float
    new: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the new version's predictions differ. Relative differences are shares as Tolerance says.

    `comparable` is false when the reports are not of the same model and rows: check both again before judging.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    comparable: bool = True
    values: int = 0
    beyond_tolerance: int = 0
    largest_absolute: Difference | None = None
    largest_relative: Difference | None = None
    seconds: tuple[float, float] = (0.0, 0.0)
    """Load and score together, in the current and in the new version."""


Finding = tuple[Verdict, str]


def compare(current: Report | None, new: Report, tolerance: Tolerance) -> Comparison:
    """What changes for this model if the new version replaces the current one; what is not known counts as failed."""
    if current is None:
        return _unusable(f"there is no report of {'/'.join(new.model)} in the current version")
    if current.model != new.model:
        return _unusable(f"the reports are of {'/'.join(current.model)} and of {'/'.join(new.model)}")
    if current.table_version != new.table_version:
        return _unusable(
            f"the current version scored version {current.table_version} of the sensor table, "
            f"the new one version {new.table_version}"
        )
    seconds = (current.load_s + current.score_s, new.load_s + new.score_s)
    if new.status != "scored" and current.status != "scored":
        reasons = (
            f"nothing to compare, the model is scored in neither version. {current.environment_version}: "
            f"{current.error}; {new.environment_version}: {'the same' if new.error == current.error else new.error}",
        )
        return Comparison(verdict=Verdict.UNCLEAR, reasons=reasons, seconds=seconds)
    if new.status != "scored":
        reasons = (f"scoring fails in {new.environment_version}: {new.error}",)
        return Comparison(verdict=Verdict.FAILED, reasons=reasons, seconds=seconds)
    if current.status != "scored":
        reasons = (f"nothing to compare with, scoring fails in {current.environment_version}: {current.error}",)
        return Comparison(verdict=Verdict.CHANGED, reasons=reasons, seconds=seconds)
    return replace(_compare_scored(current, new, tolerance), seconds=seconds)


def _unusable(reason: str) -> Comparison:
    text = f"not comparable: {reason}; check both versions again"
    return Comparison(verdict=Verdict.FAILED, reasons=(text,), comparable=False)


def _compare_scored(current: Report, new: Report, tolerance: Tolerance) -> Comparison:
    findings = [*_schema_findings(current.schema, new.schema)]
    if any(verdict is Verdict.FAILED for verdict, _ in findings):
        return Comparison(verdict=Verdict.FAILED, reasons=tuple(text for _, text in findings))
    findings += _row_findings(current, new)
    numeric = [name for name in current.columns if current.schema[name].startswith(_NUMERIC)]
    pairs = list(_pairs(current.columns, new.columns))
    findings += _text_findings([name for name in current.columns if name not in numeric], current, new, pairs)
    differences = [each for name in numeric for each in _differences(name, current.columns, new.columns, pairs)]
    beyond = sum(not tolerance.allows(absolute.value, relative.value) for absolute, relative in differences)
    count = len(numeric) * len(pairs)
    if beyond:
        findings.append((Verdict.CHANGED, f"{beyond} of {count} predictions differ by more than the tolerance"))
    elif differences:
        text = f"{len(differences)} of {count} predictions differ, all within the tolerance"
        findings.append((Verdict.WITHIN_TOLERANCE, text))
    else:
        findings.append((Verdict.IDENTICAL, f"all {count} predictions are the same to the last bit"))
    order = list(Verdict)
    return Comparison(
        verdict=max((verdict for verdict, _ in findings), key=order.index),
        reasons=tuple(text for _, text in findings),
        values=count,
        beyond_tolerance=beyond,
        largest_absolute=max((each for each, _ in differences), key=lambda each: each.value, default=None),
        largest_relative=max((each for _, each in differences), key=lambda each: each.value, default=None),
    )


def _schema_findings(current: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Finding]:
    """A lost column or another type breaks who reads the predictions; a column more may be meant."""
    for name, kind in current.items():
        if name not in new:
            yield Verdict.FAILED, f"the column {name} is missing"
        elif new[name] != kind:
            yield Verdict.FAILED, f"the column {name} is {new[name]} and was {kind}"
    added = [name for name in new if name not in current]
    if added:
        yield Verdict.CHANGED, f"new column(s): {', '.join(added)}"


def _row_findings(current: Report, new: Report) -> Iterator[Finding]:
    lost = set(current.columns["timestamp"]) - set(new.columns["timestamp"])
    gained = set(new.columns["timestamp"]) - set(current.columns["timestamp"])
    if lost or gained or current.rows != new.rows:
        text = f"{new.rows} rows instead of {current.rows}: {len(lost)} timestamps lost, {len(gained)} gained"
        yield Verdict.CHANGED, text


def _text_findings(
    names: Sequence[str], current: Report, new: Report, pairs: Sequence[tuple[int, int]]
) -> Iterator[Finding]:
    for name in names:
        differing = sum(current.columns[name][i] != new.columns[name][j] for i, j in pairs)
        if differing:
            yield Verdict.CHANGED, f"{name} differs in {differing} of {len(pairs)} rows"


def _pairs(current: Columns, new: Columns) -> Iterator[tuple[int, int]]:
    """Positions of the rows both have, by timestamp."""
    at = {timestamp: position for position, timestamp in enumerate(new["timestamp"])}
    return ((i, at[timestamp]) for i, timestamp in enumerate(current["timestamp"]) if timestamp in at)


def _differences(
    column: str, current: Columns, new: Columns, pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[Difference, Difference]]:
    """Absolute and relative difference of every pair of numbers that are not the same."""
    deviation = pstdev(map(float, current[column]))
    for i, j in pairs:
        a, b = float(current[column][i]), float(new[column][j])
        if a != b:
            here = partial(Difference, column=column, timestamp=str(current["timestamp"][i]), current=a, new=b)
            apart = abs(a - b)
            yield here(value=apart), here(value=apart / max(abs(a), abs(b), deviation))
