#!/usr/bin/env bash
# mltable 1.7.0 (azureml-dataprep 5.5.0): a filter that compares a date with a text loads no row and raises nothing; its
# negation loads every row. With datetime() the same filter loads what it says.
# Output: with a text 0, negated 3, with datetime() 2 of 3 rows
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mltable==1.7.0 'azureml-dataprep[pandas]==5.5.0' pandas==2.3.3 pyarrow==25.0.1 setuptools==80.9.0
cd "$folder" && venv/bin/python - <<'PYTHON'
import warnings
warnings.filterwarnings("ignore")
from datetime import date
from pathlib import Path
import mltable
import pyarrow as pa
import pyarrow.parquet as pq

Path("data").mkdir()
pq.write_table(pa.table({"date": [date(2025, 12, 8), date(2025, 12, 9), date(2025, 12, 10)], "x": [1.0, 2.0, 3.0]}), "data/a.parquet")


def loaded(condition):
    folder = Path(f"asset{abs(hash(condition))}")
    folder.mkdir()
    lines = ["type: mltable", "paths:", "  - file: ../data/a.parquet", "transformations:", "  - read_parquet", f'  - filter: "{condition}"']
    (folder / "MLTable").write_text("\n".join(lines))
    return len(mltable.load(str(folder)).to_pandas_dataframe())


text = loaded("col('date') <= '2025-12-09'")
negated = loaded("not (col('date') <= '2025-12-09')")
right = loaded("col('date') <= datetime(2025, 12, 9)")
print("with a text", text, ", negated", negated, ", with datetime()", right, "of 3 rows")
assert right == 2
assert (text, negated) == (0, 3), "the behaviour has changed"
PYTHON
