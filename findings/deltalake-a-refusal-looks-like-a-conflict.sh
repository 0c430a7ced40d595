#!/usr/bin/env bash
# deltalake 1.6.6: what can never be committed raises CommitFailedError, the error of a conflict with another writer.
# Whoever tries again after a conflict tries for ever. Only the words differ, or that nobody changed the version meanwhile.
# Output: append-only CommitFailedError: The transaction includes Remove action with data change but Delta table is
# append-only (version 1); conflict CommitFailedError: Failed to commit transaction: 0 (version 1)
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==26.0.1
cd "$folder" && venv/bin/python - <<'PYTHON'
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

once = CommitProperties(max_commit_retries=0)
rows = pa.table({"x": [1.0, 2.0]})
said = {}
for name, properties in (("append-only", {"delta.appendOnly": "true"}), ("conflict", {})):
    write_deltalake(name, rows, configuration=properties)
    stale = DeltaTable(name)
    write_deltalake(name, rows, mode="append")
    table = stale if name == "conflict" else DeltaTable(name)
    try:
        write_deltalake(table, rows, mode="overwrite", commit_properties=once)
    except CommitFailedError as error:
        said[name] = str(error)
        print(name, f"{type(error).__name__}: {error} (version {DeltaTable(name).version()})")
assert "append-only" in said["append-only"] and "conflict" in said, "the behaviour has changed"
PYTHON
