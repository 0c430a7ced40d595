#!/usr/bin/env bash
# deltalake 1.6.6: rows whose times have a zone are appended to a column of times without one, and nothing is said. What is
# stored is the clock of UTC, whatever zone the rows and the column were meant in; the other way round is refused.
# Output: 09:00 in Tokyo is stored as 2025-12-01 00:00:00; the other way round: CommitFailedError: Table
# features must be specified, please specify: TimestampWithoutTimezone
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==26.0.1
cd "$folder" && venv/bin/python - <<'PYTHON'
from datetime import datetime
from zoneinfo import ZoneInfo
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

tokyo = datetime(2025, 12, 1, 9, tzinfo=ZoneInfo("Asia/Tokyo"))
aware = pa.table({"at": pa.array([tokyo], pa.timestamp("us", "Asia/Tokyo"))})
naive = pa.table({"at": pa.array([datetime(2025, 12, 1, 9)], pa.timestamp("us"))})
write_deltalake("naive", naive.slice(0, 0))
write_deltalake("naive", aware, mode="append")
[stored] = DeltaTable("naive").to_pyarrow_dataset().to_table()["at"].to_pylist()
write_deltalake("aware", aware.slice(0, 0))
try:
    write_deltalake("aware", naive, mode="append")
    refused = ""
except Exception as error:
    refused = f"{type(error).__name__}: {error}"
print("09:00 in Tokyo is stored as", stored, "; the other way round:", refused or "taken")
assert stored == datetime(2025, 12, 1) and stored.tzinfo is None, "the behaviour has changed"
PYTHON
