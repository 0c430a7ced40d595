"""CircuitLocks: one holder at a time, epochs that only grow, and a cool-down after giving back."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.tables.locks import TableCircuitLocks
from shared.application.release.ports import CircuitLocks, Lock
from tests.fakes.locks import MemoryCircuitLocks
from tests.support.builders import NOW

KEY = "P001-C001"


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def locks(request: pytest.FixtureRequest) -> CircuitLocks:
    """Each test runs on both."""
    return MemoryCircuitLocks() if request.param == "memory" else TableCircuitLocks(request.getfixturevalue("table"))


async def test_a_lock_nobody_took_is_not_there(locks: CircuitLocks) -> None:
    """Nor is it held."""
    assert await locks.get(KEY) is None
    assert await locks.held() == []


async def test_the_first_to_come_holds_the_circuit(locks: CircuitLocks) -> None:
    """Everybody else learns who does."""
    mine = Lock(key=KEY, holder="rel-a", epoch=1)
    assert await locks.acquire(KEY, "rel-a", NOW) == mine
    assert await locks.acquire(KEY, "rel-b", NOW) == mine
    assert await locks.get(KEY) == mine
    assert await locks.held() == [mine]


async def test_taking_a_held_lock_again_keeps_the_epoch(locks: CircuitLocks) -> None:
    """A command that is carried out twice must not void its own epoch."""
    first = await locks.acquire(KEY, "rel-a", NOW)
    assert await locks.acquire(KEY, "rel-a", NOW + timedelta(hours=1)) == first


async def test_every_new_holder_gets_a_higher_epoch(locks: CircuitLocks) -> None:
    """Also the same release, once it gave the lock back."""
    for epoch, release_id in enumerate(("rel-a", "rel-b", "rel-b"), 1):
        assert await locks.acquire(KEY, release_id, NOW) == Lock(key=KEY, holder=release_id, epoch=epoch)
        await locks.free(KEY, release_id, NOW)


async def test_a_freed_lock_cools_down(locks: CircuitLocks) -> None:
    """A request that is still in flight must not land on the next holder's work."""
    await locks.acquire(KEY, "rel-a", NOW)
    free_from = NOW + timedelta(seconds=180)
    await locks.free(KEY, "rel-a", free_from)
    assert await locks.get(KEY) == Lock(key=KEY, holder="", epoch=1, free_from=free_from)
    assert await locks.held() == []
    too_early = await locks.acquire(KEY, "rel-b", free_from - timedelta(microseconds=1))
    assert too_early == Lock(key=KEY, holder="cool-down", epoch=1, free_from=free_from)
    assert await locks.acquire(KEY, "rel-b", free_from) == Lock(key=KEY, holder="rel-b", epoch=2)


async def test_only_the_holder_gives_a_lock_back(locks: CircuitLocks) -> None:
    """Giving back what is not held changes nothing, and once is enough."""
    await locks.free(KEY, "rel-b", NOW)
    mine = await locks.acquire(KEY, "rel-a", NOW)
    await locks.free(KEY, "rel-b", NOW)
    assert await locks.get(KEY) == mine
    await locks.free(KEY, "rel-a", NOW)
    await locks.free(KEY, "rel-a", NOW + timedelta(hours=1))
    freed = await locks.get(KEY)
    assert freed is not None
    assert (freed.holder, freed.free_from) == ("", NOW)


async def test_circuits_are_locked_each_on_their_own(locks: CircuitLocks) -> None:
    """Also those whose names no table would take as a key."""
    keys = [KEY, "P001-C002", "P001/C003#?", "p001-c001", "x" * 1000]
    for key in keys:
        assert (await locks.acquire(key, f"rel-{keys.index(key)}", NOW)).epoch == 1
    assert {lock.key for lock in await locks.held()} == set(keys)


async def test_of_many_at_once_exactly_one_gets_the_lock(locks: CircuitLocks) -> None:
    """All answers name the same holder, on a new lock and on one that was freed."""
    for epoch in (1, 2):
        answers = await asyncio.gather(*(locks.acquire(KEY, f"rel-{n}", NOW) for n in range(8)))
        assert len(set(answers)) == 1
        assert answers[0].epoch == epoch
        await locks.free(KEY, answers[0].holder, NOW)


async def test_a_lock_is_taken_from_its_holder_under_a_new_epoch(locks: CircuitLocks) -> None:
    """Until the quiet time is over, changes of the one who lost it may still land; the new holder ends it early."""
    await locks.acquire(KEY, "rel-a", NOW)
    quiet = NOW + timedelta(seconds=180)
    assert await locks.preempt(KEY, "rel-a", "back-1", quiet) == Lock(
        key=KEY, holder="back-1", epoch=2, free_from=quiet, taken_from="rel-a"
    )
    taken = Lock(key=KEY, holder="back-1", epoch=2, free_from=quiet, taken_from="rel-a")
    assert await locks.acquire(KEY, "back-1", NOW) == taken
    await locks.free(KEY, "rel-a", NOW)
    quiet_again = replace(taken, free_from=None)
    assert await locks.preempt(KEY, "back-1", "back-1", None) == quiet_again
    assert await locks.get(KEY) == quiet_again


async def test_a_lock_given_back_in_the_quiet_time_stays_quiet_until_its_end(locks: CircuitLocks) -> None:
    """Whoever took it changed nothing; a change of whom it was taken from may still be in flight."""
    quiet = NOW + timedelta(seconds=180)
    await locks.acquire(KEY, "rel-a", NOW)
    await locks.preempt(KEY, "rel-a", "back-1", quiet)
    await locks.free(KEY, "back-1", NOW)
    assert await locks.get(KEY) == Lock(key=KEY, holder="", epoch=2, free_from=quiet)
    assert (await locks.acquire(KEY, "rel-b", NOW)).holder == "cool-down"


async def test_a_lock_is_taken_from_nobody_else_than_meant(locks: CircuitLocks) -> None:
    """Somebody else came first, or nobody holds it any more: the answer says so and nothing changes."""
    never = await locks.preempt(KEY, "rel-a", "back-1", None)
    assert never.holder == ""
    mine = await locks.acquire(KEY, "rel-b", NOW)
    assert await locks.preempt(KEY, "rel-a", "back-1", None) == mine
    await locks.free(KEY, "rel-b", NOW)
    freed = await locks.preempt(KEY, "rel-b", "back-1", None)
    assert (freed.holder, await locks.held()) == ("", [])


async def test_of_many_who_take_a_lock_from_its_holder_one_has_it(locks: CircuitLocks) -> None:
    """The others are told who."""
    await locks.acquire(KEY, "rel-a", NOW)
    answers = await asyncio.gather(*(locks.preempt(KEY, "rel-a", f"back-{n}", None) for n in range(6)))
    assert len({answer.holder for answer in answers}) == 1
    assert {answer.epoch for answer in answers} == {2}


async def test_a_seat_beside_another_leaves_that_one_its_environment(locks: CircuitLocks) -> None:
    """Everybody but the keeper waits for it once the seat is free again, unless they come beside it too."""
    await locks.acquire(KEY, "env", NOW)
    beside = await locks.acquire(KEY, "model", NOW, beside="env")
    assert beside == Lock(key=KEY, holder="model", epoch=2, environment="env")
    assert await locks.acquire(KEY, "model", NOW) == beside
    assert (await locks.acquire(KEY, "other", NOW, beside="env")).holder == "model"
    await locks.free(KEY, "model", NOW)
    assert [lock.environment for lock in await locks.held()] == ["env"]
    assert (await locks.acquire(KEY, "other", NOW)).holder == "env"
    assert (await locks.acquire(KEY, "other", NOW, beside="another")).holder == "env"
    assert (await locks.acquire(KEY, "other", NOW, beside="env")).epoch == 3


async def test_a_free_seat_cools_down_also_beside_another(locks: CircuitLocks) -> None:
    """Also for the one that keeps the environment."""
    await locks.acquire(KEY, "env", NOW)
    await locks.acquire(KEY, "model", NOW, beside="env")
    await locks.free(KEY, "model", NOW + timedelta(seconds=180))
    assert (await locks.acquire(KEY, "env", NOW)).holder == "cool-down"
    assert (await locks.acquire(KEY, "other", NOW, beside="env")).holder == "cool-down"
    mine = await locks.acquire(KEY, "env", NOW + timedelta(seconds=180))
    assert mine == Lock(key=KEY, holder="env", epoch=3)


async def test_who_keeps_the_environment_gives_it_back_or_takes_the_seat_again(locks: CircuitLocks) -> None:
    """Giving it back leaves the seat to whoever has it."""
    await locks.acquire(KEY, "env", NOW)
    await locks.acquire(KEY, "model", NOW, beside="env")
    again = await locks.preempt(KEY, "model", "env", None)
    assert again == Lock(key=KEY, holder="env", epoch=3, taken_from="model")
    await locks.acquire(KEY, "model", NOW, beside="env")
    await locks.free(KEY, "env", NOW + timedelta(hours=1))
    assert await locks.get(KEY) == Lock(key=KEY, holder="model", epoch=4)
