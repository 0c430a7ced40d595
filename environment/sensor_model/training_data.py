"""Which rows a data asset stands for, as its MLTable file says. The file's own engine is not in the image: its one
filter is read here and given to the Delta table, so that training, and whoever loads the asset, have the same rows.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

MLTABLE_FILE = "MLTable"

_BEFORE = re.compile(
    r"date\s*<=\s*'(?P<cutoff>\d{4}-\d{2}-\d{2})'\s+AND\s+sensor_id\s*==\s*'(?P<sensor>[A-Za-z0-9_]+)'", re.I
)
"""The filter of assets that were registered before, which only training reads."""


class TrainingDataError(ValueError):
    """The data asset is not the training data of this circuit."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a data asset stands for: one sensor's, up to and including a day."""

    sensor_id: str
    last: date


def read_mltable(folder: Path) -> Rows:
    """What the MLTable file of a data asset filters for. Raises TrainingDataError for any other form."""
    path = folder / MLTABLE_FILE
    if not path.is_file():
        raise TrainingDataError(f"the data asset has no file {MLTABLE_FILE}: register it again under another version")
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise TrainingDataError(f"the data asset's file {MLTABLE_FILE} is not YAML: {error}") from error
    steps = content.get("transformations") if isinstance(content, Mapping) else None
    named = [step for step in steps or [] if isinstance(step, Mapping)]
    for step in named:
        _check_newest(step.get("read_delta_lake") or {})
    filters = [step["filter"] for step in named if "filter" in step]
    if len(filters) == 1 and isinstance(filters[0], Mapping):
        text = str(filters[0].get("expression", ""))
        if found := _BEFORE.fullmatch(text.strip()):
            return Rows(found["sensor"], date.fromisoformat(found["cutoff"]))
    else:
        text = " and ".join(f"({each})" for each in filters)
        if rows := _rows_of(text):
            return rows
    raise TrainingDataError(
        f"the data asset's filter {text!r} is not one of a sensor up to a date: write "
        "(col('date') <= datetime(2025, 12, 9)) and (col('sensor_id') == 'SENSOR_P001_C001'). A date as a text would "
        "load no row and no error"
    )


def _check_newest(options: object) -> None:
    """A time that is yet to come means the newest version, which training reads."""
    if not isinstance(options, Mapping):
        raise TrainingDataError(f"the data asset's read_delta_lake {options!r} is no mapping")
    moment = str(options.get("timestamp_as_of", ""))
    try:
        past = bool(moment) and datetime.fromisoformat(moment).astimezone(UTC) < datetime.now(UTC)
    except ValueError:
        past = True
    if past or "version_as_of" in options:
        raise TrainingDataError(
            "the data asset names a version of the table, and training reads the newest, whose closed days never "
            "change: register it without"
        )


def _rows_of(text: str) -> Rows | None:
    """The rows of a filter as `mltable` takes it, a condition in Python; None for any other."""
    try:
        conditions = list(_conditions(ast.parse(text, mode="eval").body))
        kept = dict(conditions)
    except (SyntaxError, ValueError, TypeError, RecursionError):
        return None
    sensor, last = kept.get("sensor_id"), kept.get("date")
    if len(conditions) == len(kept) == 2 and isinstance(sensor, str) and isinstance(last, date):
        return Rows(sensor, last)
    return None


def _conditions(node: ast.expr) -> Iterator[tuple[str, str | date]]:
    """Column and last date or sensor of each condition that must hold. ValueError for anything else."""
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _conditions(value)
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str(column))], keywords=[]),
            ops=[operator],
            comparators=[value],
        ):
            yield column, _bound(column, operator, value)
        case _:
            raise ValueError(ast.dump(node))


def _bound(column: str, operator: ast.cmpop, value: ast.expr) -> str | date:
    match column, operator, value:
        case "sensor_id", ast.Eq(), ast.Constant(value=str(sensor)):
            return sensor
        case "date", ast.LtE() | ast.Lt(), ast.Call(func=ast.Name(id="datetime"), args=[*parts], keywords=[]):
            year, month, day = (part.value if isinstance(part, ast.Constant) else None for part in parts)
            last = date(year, month, day)  # type: ignore[arg-type] # TypeError for what is no number
            return last if isinstance(operator, ast.LtE) else last - timedelta(days=1)
        case _:
            raise ValueError(column)
