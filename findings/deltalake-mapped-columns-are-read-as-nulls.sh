#!/usr/bin/env bash
# deltalake 1.6.6: of a table whose columns are mapped (delta.columnMapping.mode = name), `to_pyarrow_table` and `to_pandas`
# give as many rows as there are, with nothing in them, and no error. The library's own queries read the same table right.
# Output: columns ['a', 'b'], to_pyarrow_table [None, None] [None, None], a query [1.0, 2.0] ['x', 'y']
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==26.0.1
cd "$folder" && venv/bin/python - <<'PYTHON'
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

write_deltalake("table", pa.table({"a": [1.0, 2.0], "b": ["x", "y"]}), configuration={"delta.columnMapping.mode": "name"})
table = DeltaTable("table")
read = table.to_pyarrow_table().to_pydict()
asked = pa.table(QueryBuilder().register("t", table).execute("SELECT a, b FROM t ORDER BY a").read_all()).to_pydict()
print("columns", list(read), ", to_pyarrow_table", *read.values(), ", a query", *asked.values())
assert asked == {"a": [1.0, 2.0], "b": ["x", "y"]}
assert read == {"a": [None, None], "b": [None, None]}, "the behaviour has changed"
PYTHON
