#!/usr/bin/env bash
# deltalake 1.6.6: setting a property of a table that has table features adds `variantType` to what every reader must know.
# The table holds no variant, and readers without that feature are shut out of a table that they could read a moment before.
# Appending rows adds nothing.
# Output: before [timestampNtz], after an append [timestampNtz], after a property [timestampNtz, variantType]
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==26.0.1
cd "$folder" && venv/bin/python - <<'PYTHON'
from datetime import datetime
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

rows = pa.table({"at": pa.array([datetime(2025, 12, 1)], pa.timestamp("us"))})
write_deltalake("table", rows)
before = DeltaTable("table").protocol().reader_features
write_deltalake("table", rows, mode="append")
appended = DeltaTable("table").protocol().reader_features
DeltaTable("table").alter.set_table_properties({"team.note": "read me"}, raise_if_not_exists=False)
after = sorted(DeltaTable("table").protocol().reader_features)
print("before", before, "after an append", appended, "after a property", after)
assert before == appended == ["timestampNtz"]
assert after == ["timestampNtz", "variantType"], "the behaviour has changed"
PYTHON
