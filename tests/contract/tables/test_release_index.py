"""The lists of open and ended releases, which every ReleaseStore keeps alike: in memory and on tables."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.tables.releases import TableReleaseStore
from shared.application.release.ports import ReleaseStore
from shared.application.release.resting import OpenEntry
from tests.fakes.store import MemoryReleaseStore
from tests.support.builders import NOW, RELEASE_ID, a_rest, a_summary


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def store(request: pytest.FixtureRequest) -> ReleaseStore:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryReleaseStore(remembers=True)
    return TableReleaseStore(request.getfixturevalue("table"))


async def open_ids(store: ReleaseStore) -> list[str]:
    return [each.release_id for each in (await store.open(10)).records]


async def ended_ids(store: ReleaseStore) -> list[str]:
    return [each.release_id for each in (await store.ended(10)).records]


async def test_open_releases_are_listed_until_they_close(store: ReleaseStore) -> None:
    """Listing and closing can be repeated."""
    for release_id in ("rel-a", "rel-b", "rel-a"):
        await store.add_open(release_id, NOW)
    assert await open_ids(store) == ["rel-a", "rel-b"]
    for minutes in (1, 2):
        await store.close(a_summary("rel-a"), NOW + timedelta(minutes=minutes), 1)
    assert await open_ids(store) == ["rel-b"]
    assert await ended_ids(store) == ["rel-a"]


async def test_ended_releases_are_listed_latest_end_first(store: ReleaseStore) -> None:
    """And no more than asked for; closing again later changes neither place nor number."""
    for minute, release_id in enumerate(("rel-a", "rel-c", "rel-b")):
        await store.add_open(release_id, NOW)
        await store.close(a_summary(release_id), NOW + timedelta(minutes=minute), 1)
    await store.close(a_summary("rel-a"), NOW + timedelta(hours=1), 1)
    assert await ended_ids(store) == ["rel-b", "rel-c", "rel-a"]
    first = await store.ended(2)
    assert [each.release_id for each in first.records] == ["rel-b", "rel-c"]
    last = await store.ended(2, first.after)
    assert [(each.release_id, each.ended_at, each.summary) for each in last.records] == [
        ("rel-a", NOW, a_summary("rel-a"))
    ]
    assert last.after == ""


async def test_a_release_listed_again_after_its_end_can_be_closed_again(store: ReleaseStore) -> None:
    """A repeated event lists a release as open before anybody sees that it has ended."""
    await store.close(a_summary("rel-a"), NOW, 1)
    await store.add_open("rel-a", NOW)
    await store.close(a_summary("rel-a"), NOW + timedelta(minutes=1), 1)
    assert (await open_ids(store), await ended_ids(store)) == ([], ["rel-a"])


async def test_what_never_opened_is_dropped_from_the_list(store: ReleaseStore) -> None:
    await store.add_open("rel-never", NOW)
    for _ in range(2):
        await store.drop("rel-never")
    assert "rel-never" not in [each.release_id for each in (await store.open(999)).records]


async def test_open_releases_are_read_a_page_at_a_time(store: ReleaseStore) -> None:
    """In the order of their ids, so that one that opens meanwhile moves none to another page."""
    for release_id in ("rel-b", "rel-d", "rel-a"):
        await store.add_open(release_id, NOW)
    first = await store.open(2)
    await store.add_open("rel-c", NOW)
    await store.add_open("rel-0", NOW)
    last = await store.open(2, first.after)
    assert [each.release_id for each in first.records] == ["rel-a", "rel-b"]
    assert ([each.release_id for each in last.records], last.after) == (["rel-c", "rel-d"], "")


async def test_an_ended_release_is_listed_as_of_its_latest_commit(store: ReleaseStore) -> None:
    """It may be told later by whom it was undone; a late listing of an earlier commit changes nothing."""
    undone = replace(a_summary("rel-a"), undone_by="rel-b")
    await store.close(a_summary("rel-a"), NOW, 4)
    await store.add_open("rel-a", NOW, 4)
    await store.rest(a_rest("rel-a", number=4))
    assert (await entry_of(store, "rel-a")).resting is None
    await store.close(undone, NOW, 5)
    await store.close(a_summary("rel-a"), NOW, 4)
    assert [each.summary for each in (await store.ended(10)).records] == [undone]
    assert await open_ids(store) == []


async def entry_of(store: ReleaseStore, release_id: str = RELEASE_ID) -> OpenEntry:
    (entry,) = [each for each in (await store.open(10)).records if each.release_id == release_id]
    return entry


async def test_a_release_rests_as_of_a_commit_until_it_is_woken(store: ReleaseStore) -> None:
    """Both numbers only grow, in whatever order they come."""
    await store.add_open(RELEASE_ID, NOW)
    assert (await entry_of(store)).resting is None
    await store.rest(a_rest(number=3))
    await store.rest(a_rest(number=2))
    assert (await entry_of(store)).resting == a_rest(number=3)
    await store.wake(RELEASE_ID, 3)
    await store.wake(RELEASE_ID, 1)
    await store.rest(a_rest(number=3))
    assert (await entry_of(store)).resting is None
    await store.add_open(RELEASE_ID, NOW)
    assert (await entry_of(store)).woken == 3
    await store.rest(a_rest(number=4))
    assert (await entry_of(store)).resting == a_rest(number=4)


async def test_waking_and_resting_list_nothing(store: ReleaseStore) -> None:
    """What is not listed as open has ended, or never opened."""
    await store.wake(RELEASE_ID, 1)
    await store.rest(a_rest())
    assert (await store.open(10)).records == []
