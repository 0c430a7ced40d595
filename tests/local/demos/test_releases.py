"""What the demo says about files that a job left on this machine."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from local.demos.releases.story import predictions_told
from local.supervisor.cloud import CloudError


def test_the_demo_tells_of_the_latest_day_among_the_days_that_a_job_scored(tmp_path: Path) -> None:
    """A scoring job writes one file per day of the latest week."""
    folder = tmp_path / "outputs" / "score" / "P001" / "C001"
    folder.mkdir(parents=True)
    for day, rows in (("2025-12-09", 24), ("2025-12-08", 23), ("2025-12-07", 22)):
        parquet.write_table(pa.table({"value": [0.0] * rows}), folder / f"{day}.parquet")
    told = predictions_told(tmp_path)
    assert "3 days" in told
    assert "24 rows" in told
    assert told.endswith("outputs/score/P001/C001/2025-12-09.parquet")


def test_a_job_without_predictions_is_an_error_that_a_person_can_read(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="no predictions"):
        predictions_told(tmp_path)
