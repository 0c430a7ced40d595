"""The predictions a batch job left, read as they are: the judge of a job is not the environment that the job ran in.

A job writes one file per day to `<its folder>/<plant>/<circuit>/<date>.parquet` (R-INF-6). Its folder follows from its
name and is said explicitly when the job is started, because the default is below the name of a child job.
"""

import re
from datetime import date
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.blobstore import WorkspaceBlobs
from shared.adapters.azure_ml.command_jobs import check_circuit, folder, uri
from shared.adapters.azure_ml.errors import translated
from shared.application.errors import PlatformRefused
from shared.domain.predictions import Predicted, Range

if TYPE_CHECKING:
    import pyarrow as pa
    from azure.ai.ml import Output

BATCH_OUTPUT = "score"
"""The one output of a batch deployment of a model, by Azure ML's own name."""

BYTES_MAX = 64 * 1024 * 1024
"""A day of one reading a second has 86,400 rows of a few dozen bytes."""

VALUES_PREFIX = "predicted_"
DAY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.parquet")


def batch_outputs(job_name: str) -> "dict[str, Output]":
    """The outputs of a batch job, for the client: the rows that the script returns, in the job's own folder."""
    from azure.ai.ml import Output

    return {BATCH_OUTPUT: Output(type="uri_file", path=uri(f"{folder(job_name, BATCH_OUTPUT)}rows.csv"))}


def circuit_folder(plant_id: str, circuit_id: str) -> str:
    """The circuit's part of a path. Raises PlatformRefused for ids that cannot be part of one."""
    check_circuit(plant_id, circuit_id)
    return f"{plant_id}/{circuit_id}/"


def file_of(job_name: str, plant_id: str, circuit_id: str, day: date) -> str:
    """Where a batch job leaves the predictions of a day."""
    return f"{folder(job_name, BATCH_OUTPUT)}{circuit_folder(plant_id, circuit_id)}{day.isoformat()}.parquet"


def read(blobs: WorkspaceBlobs, job_name: str, plant_id: str, circuit_id: str, day: date | None) -> Predicted | None:
    """What the job predicted for `day`, without one for the latest day it has a file of; None without a file. Raises
    PlatformRefused for one that is too large or cannot be read as predictions."""
    try:
        wanted = day or _latest(blobs, f"{folder(job_name, BATCH_OUTPUT)}{circuit_folder(plant_id, circuit_id)}")
        if wanted is None:
            return None
        content = blobs.read(file_of(job_name, plant_id, circuit_id, wanted), BYTES_MAX)
    except ResourceNotFoundError:
        return None
    except AzureError as error:
        raise translated(error, f"the predictions of job {job_name} could not be read") from error
    try:
        return described(content, wanted, f"SENSOR_{plant_id}_{circuit_id}")
    except ValueError as error:
        said = " ".join(str(error).split())[:200]
        raise PlatformRefused(f"the predictions of job {job_name} for {wanted} cannot be read: {said}") from error


def _latest(blobs: WorkspaceBlobs, of_circuit: str) -> date | None:
    """The latest day that has a file."""
    names = blobs.names(of_circuit, of_circuit, of_circuit + "~")
    found = (DAY_FILE.fullmatch(name.removeprefix(of_circuit)) for name in names)
    return max((date.fromisoformat(each[1]) for each in found if each), default=None)


def described(content: bytes, day: date, sensor_id: str = "") -> Predicted:
    """A Parquet file of predictions for `day`, a day of UTC, as facts. `sensor_id` is whose rows it should have: rows
    that name another are counted, where the file names any. Raises ValueError for anything else."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(str(error)) from error
    if not content or "timestamp" not in table.column_names:
        raise ValueError("there is no column timestamp")
    if not pa.types.is_timestamp(table.schema.field("timestamp").type):
        raise ValueError(f"timestamp is {table.schema.field('timestamp').type} and no time")
    times = table["timestamp"]
    if (stamp := times.type).tz is not None:  # a cast of it would give the day in its own time zone
        times = pc.cast(times, pa.timestamp(stamp.unit, tz="UTC"))
    days = pc.cast(times, pa.date32()).combine_chunks()
    of_the_day = pc.sum(pc.equal(days, pa.scalar(day, pa.date32()))).as_py() or 0
    columns: dict[str, Range] = {}
    no_numbers = 0
    for name in table.column_names:
        if not name.startswith(VALUES_PREFIX):
            continue
        kind = table.schema.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
            raise ValueError(f"{name} is {kind} and no number")
        values = pc.cast(table[name], pa.float64())
        numbers = values.filter(pc.fill_null(pc.is_finite(values), fill_value=False))
        no_numbers += len(values) - len(numbers)
        if len(numbers):
            bounds = pc.min_max(numbers).as_py()
            columns[name.removeprefix(VALUES_PREFIX)] = bounds["min"], bounds["max"]
    return Predicted(
        day=day,
        rows=table.num_rows,
        other_days=table.num_rows - of_the_day,
        other_circuits=_other_circuits(table, sensor_id),
        no_numbers=no_numbers,
        columns=columns,
    )


def _other_circuits(table: "pa.Table", sensor_id: str) -> int:
    """How many rows name another sensor; one that names none is not counted."""
    if not sensor_id or "sensor_id" not in table.column_names:
        return 0
    return sum(each not in (None, sensor_id) for each in table["sensor_id"].to_pylist())
