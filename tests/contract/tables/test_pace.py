"""Turns that several instances of the app share."""

import asyncio
import time
from datetime import timedelta

import pytest

from shared.adapters.system_clock import SystemClock
from shared.adapters.tables.access import Table
from shared.adapters.tables.pace import JITTER_S, WAIT_MAX_S, TablePace
from shared.application.errors import PlatformThrottled
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.azurite


async def test_instances_together_take_no_more_turns_than_the_rate_allows(table: Table) -> None:
    """Whoever takes them: no second has an eleventh turn of ten, even if requests are sent a little late (I26)."""
    instances = [TablePace(table, SystemClock(), "writes", 10) for _ in range(3)]
    begin = time.monotonic()
    await asyncio.gather(*(instance.turn() for instance in instances for _ in range(4)))
    assert time.monotonic() - begin >= 1.1 * (1 + JITTER_S) - 0.01


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
