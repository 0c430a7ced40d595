"""IntakeLog: what led to no release event is kept once, with its reason."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from shared.adapters.tables.access import Table
from shared.adapters.tables.intake import TableIntakeLog
from shared.application.ports import IntakeLog, IntakeResult
from tests.fakes.intake import MemoryIntakeLog
from tests.support.builders import NOW

Records = dict[str, tuple[str, str, str]]


@dataclass(frozen=True)
class Intake:
    """A log and a way to look into it."""

    log: IntakeLog
    records: Callable[[], Awaitable[Records]]


def in_memory() -> Intake:
    log = MemoryIntakeLog()

    async def records() -> Records:
        return {key: (result.value, subject, reason) for key, (result, subject, reason) in log.records.items()}

    return Intake(log, records)


def on_tables(table: Table) -> Intake:
    async def records() -> Records:
        rows = await table.query("intake")
        return {row["intake_id"]: (row["result"], row["subject"], row["reason"]) for row in rows}

    return Intake(TableIntakeLog(table), records)


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def intake(request: pytest.FixtureRequest) -> Intake:
    """Each test runs on both."""
    return in_memory() if request.param == "memory" else on_tables(request.getfixturevalue("table"))


@pytest.mark.parametrize("result", list(IntakeResult))
async def test_every_result_is_kept_with_subject_and_reason(intake: Intake, result: IntakeResult) -> None:
    """Ids and texts come from outside and may hold anything."""
    odd = "a/b\\c#d?e 'quoted' ü \x00 😀"
    await intake.log.record(odd, result, f"subject {odd}", f"reason {odd}", NOW)
    assert await intake.records() == {odd: (result.value, f"subject {odd}", f"reason {odd}")}


async def test_the_first_record_of_an_id_stays(intake: Intake) -> None:
    """A redelivered event is not a second one."""
    await intake.log.record("id", IntakeResult.NOT_OURS, "subject", "first", NOW)
    await intake.log.record("id", IntakeResult.REFUSED, "subject", "second", NOW)
    await intake.log.record("other id", IntakeResult.REFUSED, "subject", "third", NOW)
    assert await intake.records() == {
        "id": ("not_ours", "subject", "first"),
        "other id": ("refused", "subject", "third"),
    }


@pytest.mark.azurite
async def test_texts_beyond_what_a_row_holds_are_cut(table: Table) -> None:
    """Better a shortened record than none; characters beyond the basic plane count twice."""
    intake = on_tables(table)
    await intake.log.record("id" * 20_000, IntakeResult.QUARANTINED, "😀" * 50_000, "r" * 50_000, NOW)
    (recorded,) = (await intake.records()).values()
    assert recorded == ("quarantined", "😀" * 15_000, "r" * 15_000)
