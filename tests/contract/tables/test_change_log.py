"""ChangeLog: accepted once, kept exactly, listed the latest first."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.tables.access import Table
from shared.adapters.tables.changes import TableChangeLog
from shared.adapters.tables.rows import CHANGES, RowLimitError, hashed
from shared.adapters.tables.writes import create_row
from shared.application.changes.ports import ChangeLog
from shared.application.errors import ConcurrentUpdate
from shared.domain.changes.circuits import CircuitChangeKind, ConfigProblem, FieldChange
from shared.domain.changes.record import ChangeClaim, ChangeRecord, ChangeState, CircuitOutcome, EnvironmentOutcome
from tests.fakes.changes import MemoryChangeLog

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
ODD = "a/b\\c#d?e 'quoted' ü 😀"


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def log(request: pytest.FixtureRequest) -> ChangeLog:
    """Each test runs on both."""
    return MemoryChangeLog() if request.param == "memory" else TableChangeLog(request.getfixturevalue("table"))


def a_change(digit: str = "a", at: datetime = NOW) -> ChangeRecord:
    claim = ChangeClaim(commit=digit * 40, branch="main", source="github", pr_number="PR-7", sender=ODD)
    return ChangeRecord(claim=claim, state=ChangeState.ACCEPTED, accepted_at=at)


def a_full_change(circuits: int = 1, text: str = ODD) -> ChangeRecord:
    outcome = CircuitOutcome(
        plant_id="P001",
        circuit_id="C001",
        kind=CircuitChangeKind.TRAINING,
        fields=(FieldChange(field="training.cutoff_date", before=text, after="2025-12-20"),),
        renamed_from=text,
        commit="b" * 40,
        pr_number="PR-7",
        author="person5@example.com",
        run_id="train-p001-c001-20251220-0a1b2c3d",
    )
    return replace(
        a_change(),
        state=ChangeState.TAKEN,
        ended_at=NOW + timedelta(microseconds=5),
        title=text,
        circuits=(outcome,) * circuits,
        circuits_total=circuits,
        trainings_total=circuits,
        environment=EnvironmentOutcome(
            name="custom-tf-env", version="1.5.1", previous="1.5.0", kind="patch", breaking=False, summary=text,
            asset_id="azureml:x", moved=1, waiting=2,
        ),
        problems=(ConfigProblem(file=text, field="", value="", reason=text, fix=text, line=3),),
        problems_total=1,
        notes=(text, ""),
    )  # fmt: skip


async def test_a_change_reads_back_exactly_as_it_was_saved(log: ChangeLog) -> None:
    stored = await log.accept(a_change())
    assert stored.record == a_change()
    await log.save(a_full_change(), stored.version)
    loaded = await log.load("a" * 40)
    assert loaded is not None
    assert loaded.record == a_full_change()


async def test_the_first_acceptance_of_a_commit_stays(log: ChangeLog) -> None:
    first = await log.accept(a_change())
    again = await log.accept(a_change(at=NOW + timedelta(hours=1)))
    assert again == first
    assert (await log.latest(5)).records == [first.record]


async def test_of_many_acceptances_at_once_one_counts(log: ChangeLog) -> None:
    all_of_them = [a_change(at=NOW + timedelta(seconds=number)) for number in range(5)]
    answers = await asyncio.gather(*(log.accept(each) for each in all_of_them))
    assert len({each.record.accepted_at for each in answers}) == 1
    assert len((await log.latest(5)).records) == 1


async def test_a_change_that_somebody_else_saved_is_not_overwritten(log: ChangeLog) -> None:
    stored = await log.accept(a_change())
    await log.save(a_full_change(), stored.version)
    with pytest.raises(ConcurrentUpdate):
        await log.save(a_change(), stored.version)


async def test_a_change_and_its_branch_move_in_one_write(log: ChangeLog) -> None:
    """Both or neither: what was taken is never forgotten, and what was forgotten is never taken."""
    stored = await log.accept(a_change())
    await log.begin("main", "b" * 40)
    await log.save(a_full_change(), stored.version, moves="main", since="b" * 40)
    assert await log.taken("main") == "a" * 40
    with pytest.raises(ConcurrentUpdate):
        await log.save(a_change(), stored.version, moves="main", since="a" * 40)
    assert (await log.load("a" * 40) or stored).record == a_full_change()


async def test_a_branch_that_somebody_else_moved_is_not_moved_back(log: ChangeLog) -> None:
    """Nor is the change ended that would have moved it."""
    earlier, later = await log.accept(a_change("a")), await log.accept(a_change("c"))
    taken = replace(later.record, state=ChangeState.TAKEN)
    await log.save(taken, later.version, moves="main")
    for since in ("", "b" * 40):
        with pytest.raises(ConcurrentUpdate):
            await log.save(a_full_change(), earlier.version, moves="main", since=since)
    assert await log.taken("main") == "c" * 40
    assert (await log.load("a" * 40) or later).record == earlier.record


async def test_changes_are_listed_by_their_acceptance(log: ChangeLog) -> None:
    for number, digit in enumerate("bac"):
        await log.accept(a_change(digit, NOW + timedelta(seconds=number)))
    first = await log.latest(2)
    assert [each.change_id[0] for each in first.records] == ["c", "a"]
    last = await log.latest(2, first.after)
    assert ([each.change_id[0] for each in last.records], last.after) == (["b"], "")


async def test_nobody_knows_a_commit_that_was_never_accepted(log: ChangeLog) -> None:
    """Nor what is no commit at all."""
    for text in ("f" * 40, "", "../releases", "a'b", "k|x"):
        assert await log.load(text) is None


async def test_each_branch_begins_once(log: ChangeLog) -> None:
    """Beginning it again at the same commit is fine."""
    assert await log.taken("main") == ""
    for _ in range(2):
        await log.begin("main", "a" * 40)
    await log.begin("release/1 'x'", "b" * 40)
    with pytest.raises(ConcurrentUpdate):
        await log.begin("main", "c" * 40)
    assert (await log.taken("main"), await log.taken("release/1 'x'")) == ("a" * 40, "b" * 40)


@pytest.mark.azurite
async def test_a_change_of_very_many_circuits_keeps_its_totals(table: Table) -> None:
    """Its lists are cut until it fits a row."""
    log = TableChangeLog(table)
    stored = await log.accept(a_change())
    await log.save(a_full_change(1000, "ü" * 120), stored.version)

    loaded = await log.load("a" * 40)

    assert loaded is not None
    assert 0 < len(loaded.record.circuits) < 1000
    assert (loaded.record.circuits_total, loaded.record.trainings_total) == (1000, 1000)


@pytest.mark.azurite
async def test_a_text_that_fits_no_row_is_refused_and_does_not_hang(table: Table) -> None:
    """Nothing is left to cut: the store says so before anything is sent."""
    log = TableChangeLog(table)
    stored = await log.accept(a_change())
    with pytest.raises(RowLimitError):
        await log.save(a_full_change(1, "ü" * 100_000), stored.version)
    assert await log.load("a" * 40) == stored


async def test_a_configuration_is_in_force_once_a_change_was_taken_with_it(log: ChangeLog) -> None:
    """Where a branch begins says nothing about what was taken; a change that leaves it as it was leaves it in force."""
    branch = "configured"
    stored = await log.accept(a_change("c"))
    await log.begin(branch, "b" * 40)
    assert await log.in_force(branch) == ""

    await log.save(stored.record, stored.version, moves=branch, since="b" * 40, configures=True)
    assert await log.in_force(branch) == "c" * 40

    later = await log.accept(a_change("d"))
    await log.save(later.record, later.version, moves=branch, since="c" * 40)
    assert (await log.taken(branch), await log.in_force(branch)) == ("d" * 40, "c" * 40)


async def test_of_two_changes_at_once_one_decides_what_is_in_force(log: ChangeLog) -> None:
    branch = "at-once"
    changes = [await log.accept(a_change(digit)) for digit in "ef"]
    await log.begin(branch, "b" * 40)
    await log.save(changes[0].record, changes[0].version, moves=branch, since="b" * 40, configures=True)
    with pytest.raises(ConcurrentUpdate):
        await log.save(changes[1].record, changes[1].version, moves=branch, since="b" * 40, configures=True)
    assert await log.in_force(branch) == "e" * 40


@pytest.mark.azurite
@pytest.mark.parametrize("state", [ChangeState.TAKEN, ChangeState.REFUSED])
async def test_a_branch_as_it_was_kept_before_says_by_its_last_change_what_is_in_force(
    table: Table, state: ChangeState
) -> None:
    """Its row named one commit: that of the last change that was taken, or where the branch began."""
    log, branch = TableChangeLog(table), f"before-{state.value}"
    stored = await log.accept(replace(a_change("1"), state=state, ended_at=NOW))
    row = {"PartitionKey": CHANGES, "RowKey": f"b|{hashed(branch)}", "branch": branch, "commit": "1" * 40}
    await create_row(table, row)
    in_force = "1" * 40 if state is ChangeState.TAKEN else ""
    assert await log.in_force(branch) == in_force

    await log.save(stored.record, stored.version, moves=branch, since="1" * 40)
    assert await log.in_force(branch) == in_force
