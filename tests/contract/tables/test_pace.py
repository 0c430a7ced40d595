"""Turns that several instances of the app share."""

import asyncio
import time
from datetime import timedelta

import pytest

from shared.adapters.system_clock import SystemClock
from shared.adapters.tables.access import Table
from shared.adapters.tables.pace import JITTER_S, WAIT_MAX_S, TablePace
from shared.adapters.tables.rows import PACE, insert
from shared.application.errors import PlatformThrottled
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.azurite


async def test_instances_together_take_no_more_turns_than_the_rate_allows(table: Table) -> None:
    """Whoever takes them: no second has an eleventh turn of ten, even if requests are sent a little late (I26)."""
    instances = [TablePace(table, SystemClock(), "writes", 10) for _ in range(3)]
    begin = time.monotonic()
    await asyncio.gather(*(instance.turn() for instance in instances for _ in range(4)))
    assert time.monotonic() - begin >= 1 + JITTER_S - 0.01


async def test_no_second_has_more_turns_than_the_rate_allows_whenever_they_are_asked_for(table: Table) -> None:
    """In a burst, after a pause and steadily: any eleven turns in a row take longer than a second (I26)."""
    clock = FakeClock()
    times = []
    for pause_s in [*[0] * 12, 0.7, *[0] * 12, 5, *[0.03] * 40, *[0.2] * 12, *[0] * 15]:
        clock.advance(pause_s)
        times.append(await turn_at(table, clock))
    assert all(after - before >= 1 + JITTER_S - 1e-4 for before, after in zip(times, times[10:], strict=False))


async def test_nobody_waits_where_the_second_has_room(table: Table) -> None:
    """Ten turns at once after a pause, the next when the second is over."""
    clock = FakeClock()
    begin = clock.now().timestamp()
    assert [await turn_at(table, clock) - begin for _ in range(11)] == [*[0] * 10, pytest.approx(1 + JITTER_S)]


async def test_a_row_that_names_the_next_turn_only_counts_as_a_full_second(table: Table) -> None:
    """As the app wrote it once: nothing says how many turns were taken before it."""
    clock = FakeClock()
    next_at = clock.now() + timedelta(seconds=1)
    await table.write(insert({"PartitionKey": PACE, "RowKey": "writes", "next_at": next_at.isoformat()}))
    waits = [await turn_at(table, clock) - next_at.timestamp() for _ in range(2)]
    assert waits == [0, pytest.approx(1 + JITTER_S)]


async def turn_at(table: Table, clock: FakeClock) -> float:
    """The time of the next of ten turns a second, which the clock is then at, in seconds since 1970."""
    begin = await TablePace(table, clock, "writes", 10).taken()
    clock.advance((begin - clock.now()).total_seconds())
    return begin.timestamp()


async def test_turns_of_another_name_do_not_count(table: Table) -> None:
    clock = FakeClock()
    await TablePace(table, clock, "writes", 0.01).turn()
    await TablePace(table, clock, "deletes", 0.01).turn()
    with pytest.raises(PlatformThrottled):
        await TablePace(table, clock, "writes", 0.01).turn()


async def test_a_turn_that_is_far_away_is_refused_and_stays_free(table: Table) -> None:
    """Whoever is refused takes nobody's turn: the next one is as far away as before."""
    clock = FakeClock()
    pace = TablePace(table, clock, "writes", 1 / 60)
    await pace.turn()
    for _ in range(2):
        with pytest.raises(PlatformThrottled) as refused:
            await pace.turn()
        assert refused.value.retry_after_s == pytest.approx(60 * (1 + JITTER_S))
    clock.advance(60 * (1 + JITTER_S))
    await pace.turn()


async def test_what_the_service_says_holds_every_instance_back(table: Table) -> None:
    clock = FakeClock()
    told, other = (TablePace(table, clock, "writes", 1000) for _ in range(2))
    await told.closed_for(WAIT_MAX_S + 20)
    await told.closed_for(1)
    with pytest.raises(PlatformThrottled) as refused:
        await other.turn()
    assert refused.value.retry_after_s == pytest.approx(WAIT_MAX_S + 20, abs=timedelta(milliseconds=1).total_seconds())
    clock.advance(WAIT_MAX_S + 20)
    await other.turn()
