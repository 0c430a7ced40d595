"""How a release lies in the table: what only the adapter on tables has to keep."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.tables import rows as table_rows
from shared.adapters.tables.access import Table, etag_of
from shared.adapters.tables.release_rows import RELEASE_ROWS
from shared.adapters.tables.releases import TableReleaseStore
from shared.adapters.tables.rows import Row, RowLimitError, check_release_id, join_text, plain_key, split_text
from shared.adapters.tables.rows import replace as replacing
from shared.application.errors import Unreadable
from shared.application.release.ports import ReleaseCommit
from shared.application.release.summary import summary_of
from shared.domain.release.model import Phase
from tests.support.builders import NOW, RELEASE_ID, a_command, a_release, a_target, an_entry
from tests.support.processes import REPOSITORY

azurite = pytest.mark.azurite


async def rows_of(table: Table, release_id: str = RELEASE_ID) -> dict[str, Row]:
    return {row["RowKey"]: row for row in await table.query(release_id)}


async def opened(table: Table, **changes: object) -> TableReleaseStore:
    store = TableReleaseStore(table)
    await store.commit(ReleaseCommit(release=a_release(Phase.DEPLOYING_PRODUCTION, **changes), version=None))
    return store


@azurite
async def test_a_release_is_one_partition_of_few_kinds_of_rows(table: Table) -> None:
    """Release, targets, inbox, history and outbox, each under its own name."""
    release = a_release(Phase.DEPLOYING_PRODUCTION)
    change = ReleaseCommit(
        release=release, version=None, event_ids=("event",), entries=(an_entry(1),), commands=(a_command(1),)
    )
    await TableReleaseStore(table).commit(change)
    keys = sorted(await rows_of(table))
    assert [key.split("|")[0] for key in keys] == ["history", "inbox", "outbox", "release", "target"]
    assert {"history|000001", "outbox|000001", "release", "target|P001-C001"} < set(keys)


@azurite
async def test_what_people_and_queries_look_at_are_columns(table: Table) -> None:
    """Nobody has to parse JSON to see where a release stands."""
    await opened(table)
    row = (await rows_of(table))["release"]
    release = a_release(Phase.DEPLOYING_PRODUCTION)
    columns = {key: row[key] for key in ("phase", "plant_id", "circuit_id", "model", "deadline_at", "schema_v")}
    assert columns == {
        "phase": "deploying_production",
        "plant_id": "P001",
        "circuit_id": "C001",
        "model": "sensor-model-P001-C001:7",
        "deadline_at": release.deadline_at,
        "schema_v": 1,
    }


@azurite
async def test_an_unchanged_target_is_not_written_again(table: Table) -> None:
    """A rollout over many circuits must fit the limit of a transaction."""
    targets = tuple(a_target(key=f"P001-C{number:03}") for number in range(1, 4))
    store = await opened(table, targets=targets)
    before = {key: etag_of(row) for key, row in (await rows_of(table)).items()}
    stored = await store.load(RELEASE_ID)
    assert stored is not None
    changed = (targets[0], replace(targets[1], touched=True), targets[2])
    await store.commit(ReleaseCommit(release=replace(stored.release, targets=changed), version=stored.version))
    after = {key: etag_of(row) for key, row in (await rows_of(table)).items()}
    assert {key for key in before if before[key] != after[key]} == {"release", "target|P001-C002"}


@azurite
async def test_eighty_targets_fit_one_commit(table: Table) -> None:
    """They are frozen all at once, and keep their order."""
    targets = tuple(a_target(key=f"P001-C{number:03}") for number in range(80))
    store = await opened(table, targets=targets)
    stored = await store.load(RELEASE_ID)
    assert stored is not None
    assert stored.release.targets == targets


@azurite
async def test_every_commit_carries_an_op_id_of_its_own(table: Table) -> None:
    """It tells the own success from somebody else's."""
    store = await opened(table)
    first = (await rows_of(table))["release"]["op_id"]
    stored = await store.load(RELEASE_ID)
    assert stored is not None
    await store.commit(ReleaseCommit(release=stored.release, version=stored.version))
    assert (await rows_of(table))["release"]["op_id"] != first


@azurite
async def test_a_long_release_is_split_and_put_together(table: Table) -> None:
    """A property holds 32,768 UTF-16 units; texts of people may hold any character."""
    reason = "ümlaut 😀 " * 12_000
    store = await opened(table, reason=reason)
    stored = await store.load(RELEASE_ID)
    assert stored is not None
    assert stored.release.reason == reason
    row = (await rows_of(table))["release"]
    assert max(len(value) for value in row.values() if isinstance(value, str)) == 30_000


@azurite
async def test_a_row_beyond_its_limit_is_refused_before_anything_is_sent(table: Table) -> None:
    """One MiB, counted as the service counts."""
    with pytest.raises(RowLimitError, match=r"row release .* the limit is 1000000"):
        await opened(table, reason="x" * 500_000)
    assert await rows_of(table) == {}


@azurite
async def test_a_commit_beyond_its_limit_is_refused_before_anything_is_sent(table: Table) -> None:
    """The transaction as a whole stays below 4 MiB."""
    commands = tuple(replace(a_command(number), reason="x" * 190_000) for number in range(20))
    with pytest.raises(RowLimitError, match=r"bytes in one commit .* the limit is 3670016"):
        await TableReleaseStore(table).commit(ReleaseCommit(release=a_release(), version=None, commands=commands))
    assert await rows_of(table) == {}


@azurite
async def test_the_largest_allowed_commit_is_taken(table: Table) -> None:
    """The limits are below those of the service, not above."""
    commands = tuple(replace(a_command(number), reason="x" * 190_000) for number in range(16))
    store = TableReleaseStore(table)
    await store.commit(ReleaseCommit(release=a_release(reason="x" * 490_000), version=None, commands=commands))
    stored = await TableReleaseStore(table).load(RELEASE_ID)
    assert stored is not None
    assert stored.unsent == commands


@azurite
async def test_a_release_of_a_newer_version_is_left_alone(table: Table) -> None:
    """Unknown version: do nothing and say so."""
    store = await opened(table)
    (row,) = [row for row in await table.query(RELEASE_ID, keys=RELEASE_ROWS) if row["RowKey"] == "release"]
    newer = {**json.loads(join_text("json", row)), "schema_v": 2}
    await table.write(replacing({**row, **split_text("json", json.dumps(newer))}, etag_of(row)))
    with pytest.raises(Unreadable, match="schema_v 2"):
        await store.load(RELEASE_ID)


@pytest.mark.parametrize("release_id", ["", "-a", "A", "a/b", "a b", "a'b", "x" * 64, "ä", "open", "locks", "a\n"])
def test_an_odd_release_id_is_never_written(release_id: str) -> None:
    """It would be a partition key; the names of the index partitions are taken."""
    with pytest.raises(ValueError, match="cannot be a release id"):
        check_release_id(release_id)


@azurite
async def test_an_odd_release_id_opens_nothing(table: Table) -> None:
    """Neither as a release nor in an index."""
    store = TableReleaseStore(table)
    with pytest.raises(ValueError, match="cannot be a release id"):
        await store.commit(ReleaseCommit(release=a_release(release_id="../x"), version=None))
    with pytest.raises(ValueError, match="cannot be a release id"):
        await store.add_open("../x", NOW)
    with pytest.raises(ValueError, match="cannot be a release id"):
        await store.close(summary_of(a_release(release_id="../x")), NOW, 1)


@given(st.text())
def test_any_text_becomes_a_key_the_table_takes(text: str) -> None:
    """No forbidden characters, no control characters, well below the length limit."""
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,128}", plain_key(text))


@given(st.text(), st.text())
def test_different_texts_become_different_keys(one: str, other: str) -> None:
    """Also a text that looks like the key of another one."""
    assert (plain_key(one) == plain_key(other)) == (one == other)
    assert plain_key(plain_key(one)) != plain_key(one) or plain_key(one) == one


@given(st.text(alphabet="ab\\u", max_size=50), st.integers(min_value=0, max_value=3))
def test_split_texts_come_back(text: str, repeats: int) -> None:
    """At every length around the limit of a property."""
    long = text + "x" * (repeats * table_rows.TEXT_CHARS_MAX - 25 if repeats else 0)
    parts = split_text("json", long)
    assert all(len(part) <= table_rows.TEXT_CHARS_MAX for part in parts.values())
    assert join_text("json", {"json_schema": "not a part", **parts}) == long


def test_state_is_never_written_without_a_condition() -> None:
    """The SDK's own update and upsert overwrite silently; only rows of an index, which always say the same, may be."""
    adapters: list[Path] = sorted((REPOSITORY / "shared" / "adapters" / "tables").glob("*.py"))
    assert len(adapters) > 5
    unconditional = {
        (path.name, line.strip())
        for path in adapters
        for line in path.read_text().splitlines()
        if re.search(r"upsert_entity|update_entity|\"upsert\"|put_index\(|put_guarded\(", line)
    }
    assert unconditional == {
        ("rows.py", "def put_index(row: Row) -> Operation:"),
        ("rows.py", "def put_guarded(row: Row) -> Operation:"),
        ("rows.py", "return put_index(row)"),
        # targets, in the transaction that replaces their release under its ETag
        (
            "release_rows.py",
            "operations = [put_guarded(_target_row(release.release_id, number, target)) for number, target in changed]",
        ),
        ("rows.py", 'return "upsert", row, {"mode": UpdateMode.REPLACE}'),
        (
            "jobs.py",
            "await update_row(self._table, JOBS, _claim_key(release_id, serial, part), columns, put_index(job))",
        ),
        # lists of open and ended work, in the transaction of the row they list or rebuilt from it
        ("trainings.py", "return await self._runs.create(run, put_index(_open_row(run)))"),
        ("trainings.py", "return [put_index(_open_row(run))]"),
        ("trainings.py", '("delete", opened, {}) if run.settled else put_index(_open_row(run)),'),
        ("trainings.py", '*(put_index({**row, "RowKey": f"{place}|{key}"}) for place in places),'),
        ("routines.py", "await self._table.write(put_index(_open_row(task)))"),
        ("routines.py", "await self._table.write(put_index(row))"),
        ("routines.py", "await self._table.write(put_index(_begun_row(routine, period)))"),
        # what is about a release, in the transaction of the row it lists; such a row is nothing but its key
        (
            "notifications.py",
            'return [put_index({"PartitionKey": NOTICES, "RowKey": f"r|{release_id}|{time_key(at)}|{kind}|{key}"})]',
        ),
    }
