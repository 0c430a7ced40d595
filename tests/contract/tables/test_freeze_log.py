"""FreezeLog: what was set stays, the first lift stays, and the ended cost nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.tables.freezes import TableFreezeLog
from shared.application.freezes.ports import FreezeLog
from shared.domain.freezes.freeze import Freeze
from tests.domain.freezes.test_freeze import HOUR, a_freeze
from tests.fakes.freezes import MemoryFreezeLog
from tests.support.builders import NOW

MOMENT = timedelta(microseconds=1)


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def log(request: pytest.FixtureRequest) -> FreezeLog:
    """Each test runs on both."""
    return MemoryFreezeLog() if request.param == "memory" else TableFreezeLog(request.getfixturevalue("table"))


def lifted(freeze: Freeze, by: str = "Person 3") -> Freeze:
    return replace(freeze, lifted_at=NOW, lifted_by=by, lifted_by_id="id-3", lift_reason="done early")


async def test_without_freezes_nothing_is_listed(log: FreezeLog) -> None:
    assert await log.not_ended(NOW) == []


async def test_a_freeze_reads_back_exactly_as_it_was_set(log: FreezeLog) -> None:
    """Texts come from people and may hold anything; times keep their microseconds."""
    odd = "a/b\\c#d?e 'quoted' ü 😀"
    freeze = a_freeze(who=odd, why=odd, starts_at=NOW + MOMENT, ends_at=NOW + HOUR + 5 * MOMENT)
    assert await log.put(freeze) == freeze
    assert await log.not_ended(NOW) == [freeze]


async def test_freezes_are_listed_by_their_end_until_it_comes(log: FreezeLog) -> None:
    """Planned ones too; the end itself is no part of a freeze."""
    late = a_freeze("P001", starts_at=NOW + HOUR, ends_at=NOW + 3 * HOUR)
    early, middle = a_freeze("P002"), a_freeze("P001-C001", ends_at=NOW + 2 * HOUR)
    for freeze in (late, early, middle):
        await log.put(freeze)
    assert await log.not_ended(NOW) == [early, middle, late]
    assert await log.not_ended(early.ends_at - MOMENT) == [early, middle, late]
    assert await log.not_ended(early.ends_at) == [middle, late]
    assert await log.not_ended(late.ends_at) == []


async def test_setting_the_same_freeze_again_returns_the_one_that_is_kept(log: FreezeLog) -> None:
    """A repeated request must not undo a lift."""
    freeze = a_freeze()
    await log.put(freeze)
    kept = await log.lift(lifted(freeze))
    assert await log.put(freeze) == kept
    assert await log.not_ended(NOW) == [kept]


async def test_the_first_lift_stays(log: FreezeLog) -> None:
    """With who, when and why."""
    freeze = a_freeze()
    await log.put(freeze)
    first = lifted(freeze)
    assert await log.lift(first) == first
    assert await log.lift(lifted(freeze, "Person 4")) == first
    assert await log.not_ended(NOW) == [first]


async def test_of_many_lifts_at_once_exactly_one_is_kept(log: FreezeLog) -> None:
    """All answers name the same person."""
    freeze = a_freeze()
    await log.put(freeze)
    answers = await asyncio.gather(*(log.lift(lifted(freeze, f"Person {n}")) for n in range(5)))
    assert set(answers) == {(await log.not_ended(NOW))[0]}


async def test_a_freeze_that_was_never_set_cannot_be_lifted(log: FreezeLog) -> None:
    with pytest.raises(LookupError):
        await log.lift(lifted(a_freeze()))
