"""A job's file of predictions is read as it is: every value, whatever the environment says about itself."""

import io
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.adapters.azure_ml.predictions import described
from shared.domain.predictions import Predicted, PredictionQuality, judged

DAY = date(2026, 1, 5)


def file_of(values: list[Any], *, first: datetime = datetime(2026, 1, 5, tzinfo=UTC), **more: Any) -> bytes:
    """One reading an hour from `first` on."""
    times = pa.array([first + timedelta(hours=n) for n in range(len(values))], pa.timestamp("us", tz="UTC"))
    columns = {"timestamp": times, "predicted_temperature": pa.array(values, pa.float64()), **more}
    return written(pa.table(columns))


def written(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_rows_days_and_the_range_of_each_feature_are_read() -> None:
    found = described(file_of([60.0, 58.5, 61.0], sensor_id=["s"] * 3, predicted_pressure=[5, 4, 6]), DAY)
    assert found == Predicted(day=DAY, rows=3, columns={"temperature": (58.5, 61.0), "pressure": (4.0, 6.0)})


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf])
def test_a_single_value_that_is_no_number_is_found(bad: float | None) -> None:
    """The statistics that Parquet keeps leave NaN out, so that only reading the values shows it."""
    found = described(file_of([60.0, bad, 61.0]), DAY)
    assert (found.no_numbers, found.columns) == (1, {"temperature": (60.0, 61.0)})
    assert judged(found, {}, DAY).quality is PredictionQuality.BAD


def test_a_file_without_a_single_number_has_no_range() -> None:
    found = described(file_of([math.nan, math.nan]), DAY)
    assert (found.rows, found.no_numbers, found.columns) == (2, 2, {})


def test_rows_of_another_day_are_counted() -> None:
    found = described(file_of([1.0, 2.0, 3.0], first=datetime(2026, 1, 4, 22, tzinfo=UTC)), DAY)
    assert (found.rows, found.other_days) == (3, 2)


def test_the_day_is_one_of_utc_whatever_the_time_zone_of_the_file() -> None:
    """23:30 UTC is the next day in Berlin."""
    first = datetime(2026, 1, 4, 23, 30, tzinfo=UTC)
    times = pa.array([first, first + timedelta(hours=1)], pa.timestamp("us", tz="Europe/Berlin"))
    found = described(written(pa.table({"timestamp": times, "predicted_temperature": [1.0, 2.0]})), DAY)
    assert (found.rows, found.other_days) == (2, 1)


def test_rows_of_another_sensor_are_counted() -> None:
    """Its file may lie in the right folder and be of the right day. A row that names no sensor is not counted."""
    content = file_of([1.0, 2.0, 3.0], sensor_id=["SENSOR_P001_C001", "SENSOR_P001_C002", None])
    found = described(content, DAY, "SENSOR_P001_C001")
    assert found.other_circuits == 1
    assert judged(found, {}, DAY).quality is PredictionQuality.BAD


def test_a_column_that_holds_nothing_has_no_numbers() -> None:
    """A writer of Parquet that is given nothing but missing values knows no type for them."""
    found = described(file_of([1.0, 2.0], predicted_pressure=pa.nulls(2)), DAY)
    assert found.no_numbers == 2
    assert judged(found, {}, DAY).quality is PredictionQuality.BAD


def test_an_empty_table_has_no_rows() -> None:
    assert described(file_of([]), DAY).rows == 0


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"",
        lambda: b"PAR1",
        lambda: b"not parquet at all",
        lambda: file_of([1.0])[:-9],
        lambda: written(pa.table({"predicted_temperature": [1.0]})),
        lambda: written(pa.table({"timestamp": ["yesterday"], "predicted_temperature": [1.0]})),
        lambda: file_of([1.0], predicted_pressure=["high"]),
    ],
)
def test_what_is_no_file_of_predictions_is_said_so(content: Callable[[], bytes]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        described(content(), DAY)
