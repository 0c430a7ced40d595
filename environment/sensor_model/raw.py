"""Raw parquet files: which there are, whether one may be loaded, and its rows in the sensor table's shape.

A file is good or bad as a whole. It is read in batches of BATCH_ROWS; what is kept of a file while it is checked is 20
bytes per row, and ROWS_MAX bounds the rows.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensor_model.table import COLUMN, KEY_COLUMNS, SENSOR_ID, table_schema

BATCH_ROWS = 65_536
ROWS_MAX = 2_000_000
"""More rows than a day of 10,000 sensors has in a file of three hours, by far."""

CLOCK_SKEW = timedelta(minutes=10)
"""How far a source's clock may be ahead of ours."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Older timestamps come from clocks that were never set."""

_SPARK_COLUMNS = b"org.apache.spark.sql.parquet.row.metadata"
"""Where Spark's footer says what its columns are."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Reason(StrEnum):
    """Why a file is quarantined."""

    BROKEN = "broken"
    TOO_LARGE = "too_large"
    MISSING_COLUMN = "missing_column"
    WRONG_TYPE = "wrong_type"
    NAIVE_TIME = "naive_time"
    FUTURE_TIME = "future_time"
    TOO_OLD = "too_old"
    BAD_KEY = "bad_key"
    NOT_FINITE = "not_finite"
    CONTRADICTION = "contradiction"


class BadFile(Exception):
    """The file must not be loaded; `reason` is for counting, the text for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """A file as it was found. Path relative to the raw folder; the three together say whether it is the same file."""

    path: str
    size: int
    modified: datetime

    @property
    def age(self) -> tuple[datetime, str]:
        """The order in which files count: of two rows with one key, that of the later file does."""
        return self.modified, self.path


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """What a good file holds. `repeated`: rows that are there twice and equal; `new`, `unusable`: columns nobody knows,
    numeric ones that could be added, and all others. A file without rows has no days."""

    rows: int
    first: date | None
    last: date | None
    repeated: int = 0
    columns: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()


def list_files(folder: Path) -> tuple[list[RawFile], list[str]]:
    """All parquet files below the folder, oldest first; and the paths of files that are none. Hidden ones and those
    that begin with `_` are what writers leave while they work, and are left out."""
    if not folder.is_dir():
        raise NotADirectoryError(f"no raw folder at {folder}")
    files, others = [], []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if any(part.startswith((".", "_")) for part in relative.parts) or not path.is_file():
            continue
        if path.suffix != ".parquet":
            others.append(relative.as_posix())
            continue
        status = path.stat()
        modified = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1e6, UTC)
        files.append(RawFile(path=relative.as_posix(), size=status.st_size, modified=modified))
    return sorted(files, key=lambda file: file.age), sorted(others)


def inspect(path: Path, required: tuple[str, ...], known: tuple[str, ...], now: datetime) -> Inspected:
    """Read the whole file once. `known` are the table's features, `required` those a file must have.

    Raises BadFile. Raises OSError when storage fails, which says nothing about the file.
    """
    with _opened(path) as file:
        schema = file.schema_arrow
        _check_schema(schema, required, known)
        _check_zone(file)
        if file.metadata.num_rows > ROWS_MAX:
            raise BadFile(Reason.TOO_LARGE, f"{file.metadata.num_rows} rows; {ROWS_MAX} are the limit: split it")
        columns = tuple(name for name in known if name in schema.names)
        keys = _Keys()
        first: date | None = None
        last: date | None = None
        for batch in _batches(file, columns):
            _check_values(batch, columns, now)
            keys.add(batch, columns)
            days = pc.min_max(batch["date"]).as_py()
            first = min(first or days["min"], days["min"])
            last = max(last or days["max"], days["max"])
    others = [field for field in schema if field.name not in (*KEY_COLUMNS, *known)]
    new = tuple(field.name for field in others if _is_number(field.type) and COLUMN.fullmatch(field.name))
    return Inspected(
        rows=file.metadata.num_rows,
        first=first,
        last=last,
        repeated=keys.repeated(),
        columns=columns,
        new=new,
        unusable=tuple(field.name for field in others if field.name not in new),
    )


def rows_of_days(path: Path, columns: tuple[str, ...], first: date, last: date) -> Iterator[pa.RecordBatch]:
    """The rows of these days, both included, of a file that was inspected: timestamp, sensor_id, columns, date."""
    with _opened(path) as file:
        for batch in _batches(file, columns):
            within = pc.and_(pc.greater_equal(batch["date"], first), pc.less_equal(batch["date"], last))
            yield batch.filter(within)


class _opened:
    """The file, open; what pyarrow says about its content becomes BadFile, what storage says stays an OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: pq.ParquetFile | None = None

    def __enter__(self) -> pq.ParquetFile:
        try:
            self._file = pq.ParquetFile(self._path, pre_buffer=False, coerce_int96_timestamp_unit="us")
        except (pa.ArrowException, OSError) as error:
            self._translate(error)
        return self._file

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._file is not None:
            self._file.close()
        if isinstance(error, pa.ArrowException | OSError | UnicodeDecodeError):
            self._translate(error)

    def _translate(self, error: Exception) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise error
        text = " ".join(str(error).split())[:200]
        raise BadFile(Reason.BROKEN, f"no readable parquet: {text or type(error).__name__}") from error


def _check_schema(schema: pa.Schema, required: tuple[str, ...], known: tuple[str, ...]) -> None:
    if doubled := sorted({name for name in schema.names if schema.names.count(name) > 1}):
        raise BadFile(Reason.WRONG_TYPE, f"the column(s) {', '.join(doubled)} are there twice")
    if missing := [name for name in ("timestamp", "sensor_id", *required) if name not in schema.names]:
        raise BadFile(Reason.MISSING_COLUMN, f"the column(s) {', '.join(missing)} are missing")
    time = schema.field("timestamp").type
    if not pa.types.is_timestamp(time):
        raise BadFile(Reason.WRONG_TYPE, f"timestamp is {time}, not a timestamp with a time zone")
    sensor = schema.field("sensor_id").type
    if pa.types.is_dictionary(sensor):
        sensor = sensor.value_type
    if not (pa.types.is_string(sensor) or pa.types.is_large_string(sensor) or pa.types.is_string_view(sensor)):
        raise BadFile(Reason.WRONG_TYPE, f"sensor_id is {sensor}, not text")
    wrong = [name for name in known if name in schema.names and not _is_number(schema.field(name).type)]
    if wrong:
        types = ", ".join(f"{name} ({schema.field(name).type})" for name in wrong)
        raise BadFile(Reason.WRONG_TYPE, f"no numbers in {types}")


def _check_zone(file: pq.ParquetFile) -> None:
    """Raises BadFile unless every time is a moment. Spark's INT96, its default, is one in UTC, which its footer says;
    others write their local times in this form."""
    if file.schema_arrow.field("timestamp").type.tz is not None:
        return
    columns = [file.schema.column(number) for number in range(len(file.schema))]
    if not any(column.path == "timestamp" and column.physical_type == "INT96" for column in columns):
        raise BadFile(Reason.NAIVE_TIME, "timestamp has no time zone: nobody can say which moment it means")
    if _type_in_spark(file, "timestamp") != "timestamp":
        raise BadFile(
            Reason.NAIVE_TIME,
            "timestamp is in the old form INT96 and not of Spark: nobody can say which zone it is in. Write it as "
            "TIMESTAMP_MICROS, adjusted to UTC",
        )


def _type_in_spark(file: pq.ParquetFile, column: str) -> object:
    """What Spark called the column's type; None of a file that Spark did not write."""
    try:
        fields = json.loads((file.metadata.metadata or {}).get(_SPARK_COLUMNS, b"{}")).get("fields", ())
        return {each["name"]: each["type"] for each in fields}.get(column)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_number(kind: pa.DataType) -> bool:
    """Also a column of nothing but nulls, which has no type when nobody gave it one."""
    kinds = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal, pa.types.is_null)
    return any(is_it(kind) for is_it in kinds)


def _batches(file: pq.ParquetFile, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Batches in the table's shape. Raises BadFile for keys that are null and times finer than a microsecond."""
    schema = table_schema(columns)
    for raw in file.iter_batches(BATCH_ROWS, columns=["timestamp", "sensor_id", *columns]):
        if raw.num_rows == 0:
            continue
        if raw["timestamp"].null_count or raw["sensor_id"].null_count:
            raise BadFile(Reason.BAD_KEY, "a row without timestamp or sensor_id")
        times = _in_microseconds(raw["timestamp"])  # midnight is that of UTC from here on
        values = [without_nan(_in_64_bits(name, raw[name])) for name in columns]
        yield pa.RecordBatch.from_arrays(
            [times, raw["sensor_id"].cast(pa.string()), *values, times.cast(pa.date32())], schema=schema
        )


def _in_64_bits(name: str, values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid as error:
        detail = f"a value of {name} has more digits than a number of 64 bits: {values.type}"
        raise BadFile(Reason.WRONG_TYPE, detail) from error


def _in_microseconds(times: pa.Array) -> pa.Array:
    try:
        return times.cast(pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid as error:
        raise BadFile(Reason.WRONG_TYPE, "a timestamp is finer than a microsecond, or out of range") from error


def without_nan(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Null for NaN, so that "no value" compares equal to itself; 0 for -0."""
    return pc.if_else(pc.is_nan(values), None, pc.add(values, 0.0))


def _check_values(batch: pa.RecordBatch, columns: tuple[str, ...], now: datetime) -> None:
    times = pc.min_max(batch["timestamp"]).as_py()
    if times["max"] > now + CLOCK_SKEW:
        raise BadFile(Reason.FUTURE_TIME, f"a row of {times['max']:%Y-%m-%dT%H:%M:%SZ}, which is yet to come")
    if times["min"] < EARLIEST:
        raise BadFile(Reason.TOO_OLD, f"a row of {times['min']:%Y-%m-%dT%H:%M:%SZ}")
    for sensor_id in batch["sensor_id"].unique().to_pylist():
        if not SENSOR_ID.fullmatch(sensor_id):
            raise BadFile(Reason.BAD_KEY, f"{sensor_id[:80]!r} is no sensor id: SENSOR_<plant_id>_<circuit_id>")
    for name in columns:
        if not pc.all(pc.is_finite(batch[name])).as_py() and batch[name].null_count < len(batch):
            raise BadFile(Reason.NOT_FINITE, f"a value of {name} is infinite")


class _Keys:
    """The keys of a file and a hash of each row's values, to find a key that is there twice."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._parts: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.uint64]]] = []

    def add(self, batch: pa.RecordBatch, columns: tuple[str, ...]) -> None:
        encoded = batch["sensor_id"].dictionary_encode()
        codes = np.array([self._codes.setdefault(each, len(self._codes)) for each in encoded.dictionary.to_pylist()])
        hashes = np.zeros(len(batch), dtype=np.uint64)
        for name in columns:
            values = batch[name].to_numpy(zero_copy_only=False)  # null becomes NaN
            hashes = hashes * _GOLDEN + values.view(np.uint64)
            hashes ^= hashes >> np.uint64(29)
        times = batch["timestamp"].cast(pa.int64()).to_numpy()
        self._parts.append((codes[encoded.indices.to_numpy()].astype(np.int32), times, hashes))

    def repeated(self) -> int:
        """How many rows repeat another one. Raises BadFile when two rows of one key differ."""
        if not self._parts:
            return 0
        codes, times, hashes = (np.concatenate([part[which] for part in self._parts]) for which in range(3))
        order = np.lexsort((times, codes))
        codes, times, hashes = codes[order], times[order], hashes[order]
        same = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])
        if differing := int((same & (hashes[1:] != hashes[:-1])).sum()):
            raise BadFile(Reason.CONTRADICTION, f"{differing} key(s) (sensor_id, timestamp) with different values")
        return int(same.sum())
