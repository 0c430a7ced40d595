#!/usr/bin/env bash
# deltalake 1.6.6: the files of a merge say in their footer that text is a "string view", which pyarrow 14.0.2 refuses to
# open: ArrowInvalid: Unrecognized type: 24. An append of the same rows writes plain text, which it reads. What is stored in
# the file is the same; only the hint for readers differs, and no option of the writer was found that leaves it out.
# Output: appended string, read by pyarrow 14.0.2: 1 row; merged string_view, read: ArrowInvalid: Unrecognized type: 24
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
for which in new old; do "${PYTHON:-python3.11}" -m venv "$folder/$which"; done
"$folder/new/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==26.0.1
"$folder/old/bin/pip" install --quiet --disable-pip-version-check pyarrow==14.0.2 'numpy<2'
cd "$folder" && new/bin/python - <<'PYTHON'
import shutil
from pathlib import Path
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

rows = pa.table({"name": ["a"], "x": [1.0]})
write_deltalake("appended", rows)
write_deltalake("merged", rows.slice(0, 0))
DeltaTable("merged").merge(rows, "t.name = s.name", source_alias="s", target_alias="t").when_not_matched_insert_all().execute()
for name, kind in (("appended", "string"), ("merged", "string_view")):
    [file] = Path(name).glob("*.parquet")
    shutil.copy(file, f"{name}.parquet")
    print(name, pq.read_schema(file).field("name").type)
    assert str(pq.read_schema(file).field("name").type) == kind, "the behaviour has changed"
PYTHON
old/bin/python - <<'PYTHON'
import pyarrow as pa
import pyarrow.parquet as pq

print("appended, read by pyarrow", pa.__version__, ":", len(pq.read_table("appended.parquet")), "row")
try:
    pq.read_table("merged.parquet")
    said = ""
except pa.ArrowInvalid as error:
    said = f"{type(error).__name__}: {error}"
print("merged, read:", said or "rows")
assert "Unrecognized type: 24" in said, "the behaviour has changed"
PYTHON
