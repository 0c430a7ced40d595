#!/usr/bin/env bash
# pyarrow 26.0.1: a moment that is written as INT96, the form of Spark by default, comes back as a time without a zone.
# Every INT96 of Spark is a moment in UTC, and the footer of its files says so; the type that pyarrow gives does not, so
# that code which refuses times without a zone refuses all files of Spark.
# Output: written timestamp[us, tz=UTC], read timestamp[ns]; as INT64 timestamp[us, tz=UTC]
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cd "$folder" && venv/bin/python - <<'PYTHON'
from datetime import UTC, datetime
import pyarrow as pa
import pyarrow.parquet as pq

rows = pa.table({"at": pa.array([datetime(2025, 12, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))})
pq.write_table(rows, "int96.parquet", use_deprecated_int96_timestamps=True, store_schema=False)
pq.write_table(rows, "int64.parquet", store_schema=False)
old, new = (pq.read_table(f"{name}.parquet").schema.field("at").type for name in ("int96", "int64"))
print("written", rows.schema.field("at").type, ", read", old, "; as INT64", new)
assert pq.ParquetFile("int96.parquet").schema.column(0).physical_type == "INT96"
assert old.tz is None and new.tz == "UTC", "the behaviour has changed"
PYTHON
