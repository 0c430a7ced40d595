#!/usr/bin/env bash
# deltalake 1.6.6: whether a filter returns NaN depends on the other rows of its file. SQL takes NaN for greater than every
# number, and files are skipped by their largest number without NaN: `x > 0.6` returns it, `x > 1` does not.
# Output: x > 0.6 [1.0, nan]; x > 1 []; all values [0.5, 1.0, nan], largest by the statistics 1.0
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==26.0.1
cd "$folder" && venv/bin/python - <<'PYTHON'
import math
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

write_deltalake("table", pa.table({"x": [0.5, 1.0, math.nan]}))
table = DeltaTable("table")


def kept(condition):
    sql = f"SELECT x FROM t WHERE {condition} ORDER BY x"
    return pa.table(QueryBuilder().register("t", table).execute(sql).read_all())["x"].to_pylist()


some, none, every = kept("x > 0.6"), kept("x > 1"), kept("x > 0")
largest = pa.table(table.get_add_actions(flatten=True))["max.x"].to_pylist()
print("x > 0.6", some, "; x > 1", none, "; all values", every, ", largest by the statistics", *largest)
assert some[0] == 1.0 and math.isnan(some[1]) and largest == [1.0]
assert none == [], "the behaviour has changed"
PYTHON
