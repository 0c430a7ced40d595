"""What a process remembers of a release is only used while the table still says the same."""

from dataclasses import replace

import pytest

from shared.adapters.tables.access import Table
from shared.adapters.tables.releases import KNOWN_MAX, TableReleaseStore
from shared.application.release.ports import ReleaseCommit, Stored
from shared.domain.release.model import Phase, Release
from tests.support.builders import a_command, a_fleet_release, a_fleet_target

pytestmark = pytest.mark.azurite
ID = "rel-fleet"


def a_fleet() -> Release:
    return a_fleet_release(Phase.UPDATING, release_id=ID, fleet=tuple(a_fleet_target(n) for n in range(1, 6)))


async def loaded(store: TableReleaseStore, release_id: str = ID) -> Stored:
    stored = await store.load(release_id)
    assert stored is not None
    return stored


async def test_what_a_commit_leaves_is_what_another_process_reads(table: Table) -> None:
    """Changed, added and removed targets, in versions that either process can commit on."""
    own, other = TableReleaseStore(table), TableReleaseStore(table)
    release = a_fleet()
    await own.commit(ReleaseCommit(release=release, version=None, commands=(a_command(1),)))
    one, two, three, four, _ = release.fleet
    for fleet in ((one, replace(two, touched=True), three, four), (four, one), (one, four, a_fleet_target(9))):
        before = await loaded(own)
        await own.commit(ReleaseCommit(release=replace(before.release, fleet=fleet), version=before.version))
        mine, read = await loaded(own), await loaded(other)
        assert mine.release == read.release
        assert mine.release.fleet == fleet
        assert mine.version == read.version


async def test_a_commit_of_another_process_is_seen(table: Table) -> None:
    """Whether it changed a target or only the release."""
    own, other = TableReleaseStore(table), TableReleaseStore(table)
    await own.commit(ReleaseCommit(release=a_fleet(), version=None))
    await loaded(own)
    theirs = await loaded(other)
    touched = (replace(theirs.release.fleet[0], touched=True), *theirs.release.fleet[1:])
    for changes in ({"fleet": touched}, {"reason": "a person said so"}):
        before = await loaded(other)
        await other.commit(ReleaseCommit(release=replace(before.release, **changes), version=before.version))
        assert (await loaded(own)).release == (await loaded(other)).release
    assert (await loaded(own)).release.fleet == touched


async def test_only_a_few_releases_are_remembered(table: Table) -> None:
    """All others are read again, whole."""
    store = TableReleaseStore(table)
    releases = [replace(a_fleet(), release_id=f"rel-{number}") for number in range(KNOWN_MAX + 2)]
    for release in releases:
        await store.commit(ReleaseCommit(release=release, version=None))
    for release in releases:
        assert (await loaded(store, release.release_id)).release == release
