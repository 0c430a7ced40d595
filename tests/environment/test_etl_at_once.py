"""Runs at the same time, and runs in any order: the table follows from the files, not from the runs."""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sensor_model.closing import CLOSED_THROUGH, close_days
from sensor_model.commits import ATTEMPTS_MAX, TooBusyError, on_top, until_committed
from sensor_model.data import add_rows
from sensor_model.loading import Loader, Wanted
from sensor_model.table import TableError, open_table
from sensor_model.upkeep import rewrite

from tests.environment.lake import FEATURES, OTHER, SENSOR, Lake, at, hours_of, row

NOW = at(9, 3)  # the 8th is still open, the 7th is closed


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose 6th and 7th are closed; nobody has the OTHER sensor yet."""
    lake = Lake(tmp_path_factory.mktemp("closed"))
    lake.land("old.parquet", [*hours_of(date(2025, 12, 6)), *hours_of(date(2025, 12, 7)), row(at(8))], minute=0)
    lake.run(NOW)
    return lake.root


def copied(closed: Path, root: Path) -> Lake:
    """A lake of its own."""
    return Lake(Path(shutil.copytree(closed, root)))


def test_runs_at_once_end_as_one_run_would(closed: Path, tmp_path: Path) -> None:
    """Files that contradict one another land while four runs load; no row is doubled, lost, or of the wrong file."""
    lake, alone = copied(closed, tmp_path / "many"), copied(closed, tmp_path / "one")
    files = {
        f"{number}.parquet": [row(at(8, hour), float(number), sensor) for sensor in (SENSOR, OTHER) for hour in hours]
        for number, hours in enumerate((range(6), range(3, 9), range(1, 24, 2), range(24)), start=1)
    }

    def runs(name: str) -> None:
        for _ in range(2):
            wanted = Wanted(raw=lake.raw, table=lake.table, run=name, now=NOW, features=FEATURES)
            until_committed(Loader(wanted).attempt, lake.table, name)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(runs, f"run-{number}") for number in range(4)]
        for minute, (path, rows) in enumerate(files.items(), start=1):
            hidden = lake.land(f"_{path}", rows, minute=10 - minute)  # what lands last is the oldest
            os.rename(hidden, lake.raw / path)
        for each in running:
            each.result()
    for minute, (path, rows) in enumerate(files.items(), start=1):
        alone.land(path, rows, minute=10 - minute)
    assert alone.run(NOW)["ok"]
    assert lake.run(NOW)["ok"]
    assert lake.rows() == alone.rows()


def test_a_commit_counts_only_for_the_version_it_was_worked_out_on(closed: Path, tmp_path: Path) -> None:
    """Delta itself would let rows be added to a day while it is closed, and rows be doubled by two rewrites."""
    lake = copied(closed, tmp_path / "lake")
    stale = open_table(lake.table)
    close_days(lake.table, at(9, 3), "again")  # nothing to close: no commit
    assert stale.version() == open_table(lake.table).version()
    rewrite(open_table(lake.table), "other")
    with pytest.raises(CommitFailedError):
        rewrite(stale, "stale")
    assert len(lake.rows()) == 49


def test_a_table_that_is_never_left_alone_ends_the_run(closed: Path, tmp_path: Path) -> None:
    """After a bounded number of tries, with the last conflict as the reason."""
    lake, tries = copied(closed, tmp_path / "lake"), []

    def attempt() -> None:
        stale = open_table(lake.table)
        close(open_table(lake.table), f"{date(2025, 12, 7) + timedelta(days=len(tries))}")
        tries.append(1)
        close(stale, "2025-12-30")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sensor_model.commits.PAUSE_S", 0.0)
        with pytest.raises(TooBusyError, match="run again later"):
            until_committed(attempt, lake.table, "the load")
    assert len(tries) == ATTEMPTS_MAX


def test_a_refusal_that_lasts_is_told_in_the_words_of_the_library_and_not_tried_again(
    closed: Path, tmp_path: Path
) -> None:
    """The library refuses a table that it cannot write to with the error of a conflict; nothing has changed
    meanwhile."""
    lake, tries = copied(closed, tmp_path / "lake"), []
    open_table(lake.table).alter.set_table_properties({"delta.appendOnly": "true"})

    def attempt() -> None:
        tries.append(1)
        rewrite(open_table(lake.table), "other")

    with pytest.raises(TableError, match=r"the load: the table at .* cannot be changed: .* is append-only"):
        until_committed(attempt, lake.table, "the load")
    assert len(tries) == 2


def close(table: DeltaTable, day: str) -> None:
    table.alter.set_table_properties({CLOSED_THROUGH: day}, raise_if_not_exists=False, commit_properties=on_top())


def test_rows_added_meanwhile_by_others_are_kept(closed: Path, tmp_path: Path) -> None:
    """Whoever adds rows between the reading and the commit wins; the run starts again and sees them."""
    lake = copied(closed, tmp_path / "lake")
    stale = open_table(lake.table)
    rows = pa.Table.from_pylist([row(at(8, 1), 5.0) | {"date": date(2025, 12, 8)}])
    add_rows(open_table(lake.table), rows.cast(pa.schema(stale.schema().to_arrow())))
    with pytest.raises(CommitFailedError):
        close(stale, "2025-12-08")
    lake.land("same.parquet", [row(at(8, 1), 6.0)])
    assert lake.run(NOW)["rows"]["updated"] == 1
    assert lake.values()[at(8, 1)] == 6.0


@dataclass(frozen=True)
class Delivery:
    """A raw file and how old it is; `arrives` is the run before which it is there."""

    rows: tuple[dict[str, Any], ...]
    age: int
    arrives: int


ROWS = st.builds(
    lambda day, hour, value, sensor, humidity: row(
        at(6) + timedelta(days=day, hours=hour), value, sensor, **({"humidity": humidity} if humidity else {})
    ),
    st.integers(0, 2),  # two closed days and an open one
    st.integers(0, 2),
    st.sampled_from([1.0, 2.0, None]),
    st.sampled_from([SENSOR, OTHER]),
    st.sampled_from([0, 30.0, 40.0]),
)
FILES = st.lists(
    st.builds(
        Delivery,
        st.lists(ROWS, min_size=1, max_size=4, unique_by=lambda each: (each["sensor_id"], each["timestamp"])).map(
            tuple
        ),
        st.integers(1, 3),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(files=FILES, repeats=st.integers(1, 2))
def test_any_order_and_repetition_of_runs_gives_the_same_table(
    closed: Path, files: Sequence[Delivery], repeats: int
) -> None:
    """Late rows and violations are the same too, file by file."""
    with TemporaryDirectory() as folder:
        step_by_step, at_once = copied(closed, Path(folder, "steps")), copied(closed, Path(folder, "once"))
        for step in range(2):
            for number, file in enumerate(files):
                if file.arrives == step:
                    step_by_step.land(f"{number}.parquet", file.rows, minute=file.age)
            for _ in range(repeats):
                step_by_step.run(NOW, "--add-columns", "humidity")
        for number, file in enumerate(files):
            at_once.land(f"{number}.parquet", file.rows, minute=file.age)
        at_once.run(NOW, "--add-columns", "humidity")
        assert step_by_step.rows() == at_once.rows()
        assert step_by_step.ledger() == at_once.ledger()
