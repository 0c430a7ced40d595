"""ReleaseStore: what every implementation keeps, the one in memory and the one on tables alike."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.adapters.tables.releases import TableReleaseStore
from shared.application.errors import ConcurrentUpdate
from shared.application.release.ports import ReleaseCommit, ReleaseStore, Stored
from shared.domain.release.commands import Command
from shared.domain.release.history import broken_at, chain
from shared.domain.release.model import Phase, Release
from tests.fakes.store import MemoryReleaseStore
from tests.support.builders import (
    RELEASE_ID,
    a_command,
    a_fleet_release,
    a_release,
    a_spec,
    a_target,
    an_entry,
)


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def store(request: pytest.FixtureRequest) -> ReleaseStore:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryReleaseStore(remembers=True)
    return TableReleaseStore(request.getfixturevalue("table"))


async def stored(store: ReleaseStore, release_id: str = RELEASE_ID, *event_ids: str) -> Stored:
    found = await store.load(release_id, event_ids)
    assert found is not None
    return found


async def opened(store: ReleaseStore, release: Release | None = None) -> Stored:
    release = release or a_release(Phase.DEPLOYING_PRODUCTION)
    await store.commit(ReleaseCommit(release=release, version=None, event_ids=("opened",), entries=(an_entry(1),)))
    return await stored(store, release.release_id)


async def outbox(store: ReleaseStore, release_id: str = RELEASE_ID) -> list[Command]:
    """What is not known to be sent: this store and, where it keeps rows, one that remembers nothing say the same."""
    unsent = (await stored(store, release_id)).unsent
    if isinstance(store, TableReleaseStore):
        again = await stored(TableReleaseStore(store._table), release_id)
        assert again.unsent == unsent
    return list(unsent)


def sent_ids(commands: list[Command]) -> list[str]:
    return [command.command_id for command in commands]


@pytest.mark.parametrize("release_id", [RELEASE_ID, "open", "", "../etc", "with'quote", "UPPER", "x" * 64])
async def test_a_release_nobody_opened_is_not_there(store: ReleaseStore, release_id: str) -> None:
    """Neither is one under an id that no release can have."""
    assert await store.load(release_id, ["event"]) is None
    assert await store.recall(release_id) is None
    assert await store.history(release_id) == []


@pytest.mark.parametrize("phase", list(Phase))
async def test_a_release_is_kept_whole(store: ReleaseStore, phase: Phase) -> None:
    """Targets included, whatever the phase."""
    release = a_release(phase)
    assert (await opened(store, release)).release == release


async def test_several_targets_keep_their_order(store: ReleaseStore) -> None:
    """The order of a rollout is part of the release."""
    targets = tuple(a_target(key=f"P001-C{number:03}") for number in (3, 1, 2))
    assert (await opened(store, a_release(targets=targets))).release.targets == targets


async def test_a_release_is_read_without_its_fleet(store: ReleaseStore) -> None:
    """The targets of a model release are part of it."""
    model, fleet = a_release(Phase.DEPLOYING_PRODUCTION), a_fleet_release(Phase.UPDATING, release_id="rel-fleet")
    assert fleet.fleet
    for release in (model, fleet):
        await opened(store, release)
        assert await store.without_fleet(release.release_id) == replace(release, fleet=())
    assert await store.without_fleet("rel-other") is None
    assert await store.without_fleet("../etc") is None


async def test_one_target_of_a_fleet_is_read_as_it_is_now(store: ReleaseStore) -> None:
    """Also after a commit that changed it."""
    release = a_fleet_release(Phase.UPDATING)
    stored = await opened(store, release)
    first, *others = release.fleet
    changed = replace(first, look=first.look + 1)
    await store.commit(ReleaseCommit(release=replace(release, fleet=(changed, *others)), version=stored.version))

    assert await store.fleet_target(release.release_id, first.key) == changed
    assert await store.fleet_target(release.release_id, others[0].key) == others[0]
    assert await store.fleet_target(release.release_id, "P999-C999") is None
    assert await store.fleet_target("../etc", first.key) is None


async def test_a_commit_replaces_the_release(store: ReleaseStore) -> None:
    """What was loaded, changed and committed is what is loaded next."""
    before = await opened(store)
    changed = replace(before.release, phase=Phase.HELD, reason="somebody looks", deadline_at=None)
    await store.commit(ReleaseCommit(release=changed, version=before.version))
    assert (await stored(store)).release == changed


async def test_changed_added_and_removed_targets_are_kept(store: ReleaseStore) -> None:
    """Only changed targets are written, which must not show."""
    kept, changed, removed = (a_target(key=f"P001-C{number:03}") for number in (1, 2, 3))
    before = await opened(store, a_release(targets=(kept, changed, removed)))
    targets = (kept, replace(changed, touched=True, previous=a_spec()), a_target(key="P001-C004"))
    await store.commit(ReleaseCommit(release=replace(before.release, targets=targets), version=before.version))
    again = await stored(store)
    assert again.release.targets == targets
    await store.commit(ReleaseCommit(release=replace(again.release, targets=targets[::-1]), version=again.version))
    assert (await stored(store)).release.targets == targets[::-1]


async def test_a_release_opens_once(store: ReleaseStore) -> None:
    """The second opening is told that the release exists."""
    await opened(store)
    with pytest.raises(ConcurrentUpdate):
        await opened(store)


async def test_a_stale_version_commits_nothing(store: ReleaseStore) -> None:
    """Neither the release nor inbox, history or outbox."""
    before = await opened(store)
    winner = replace(before.release, reason="first")
    await store.commit(ReleaseCommit(release=winner, version=before.version))
    with pytest.raises(ConcurrentUpdate):
        await store.commit(
            ReleaseCommit(
                release=replace(before.release, reason="second"),
                version=before.version,
                event_ids=("late",),
                entries=(an_entry(2),),
                commands=(a_command(),),
            )
        )
    after = await stored(store, RELEASE_ID, "late")
    assert (after.release, after.seen) == (winner, frozenset())
    assert len(await store.history(RELEASE_ID)) == 1
    assert await outbox(store) == []


async def test_a_version_of_a_release_that_is_not_there_commits_nothing(store: ReleaseStore) -> None:
    """A change to nothing is not an opening."""
    before = await opened(store)
    other = replace(before.release, release_id="rel-other")
    with pytest.raises(ConcurrentUpdate):
        await store.commit(ReleaseCommit(release=other, version=before.version))
    assert await store.load("rel-other") is None


async def test_of_many_concurrent_commits_exactly_one_wins(store: ReleaseStore) -> None:
    """All decided on the same version; the losers load and decide again."""
    before = await opened(store)
    changes = [
        ReleaseCommit(
            release=replace(before.release, reason=f"writer {n}"), version=before.version, event_ids=(f"event-{n}",)
        )
        for n in range(8)
    ]
    answers = await asyncio.gather(*(store.commit(change) for change in changes), return_exceptions=True)
    won = [number for number, answer in enumerate(answers) if isinstance(answer, int)]
    assert len(won) == 1
    assert all(isinstance(answer, ConcurrentUpdate) for answer in answers if not isinstance(answer, int))
    after = await stored(store, RELEASE_ID, *(f"event-{n}" for n in range(8)))
    assert after.release.reason == f"writer {won[0]}"
    assert after.seen == {f"event-{won[0]}"}


async def test_the_inbox_knows_applied_events_only(store: ReleaseStore) -> None:
    """Event ids come from outside and may hold anything."""
    odd = ["a/b\\c#d?e", "ümlaut 'quote'", "x" * 2000, "tab\tand\x00control"]
    before = await opened(store)
    await store.commit(ReleaseCommit(release=before.release, version=before.version, event_ids=(*odd, odd[0])))
    after = await stored(store, RELEASE_ID, *odd, odd[0], "opened", "never applied")
    assert after.seen == {*odd, "opened"}
    assert (await stored(store)).seen == frozenset()


async def test_an_event_that_was_applied_commits_nothing_again(store: ReleaseStore) -> None:
    """Whoever decided without asking the inbox learns it here, and nothing of the commit is there."""
    before = await opened(store)
    for event_ids in (("opened",), ("new", "opened")):
        again = replace(before.release, reason="decided twice")
        with pytest.raises(ConcurrentUpdate):
            await store.commit(
                ReleaseCommit(
                    release=again, version=before.version, event_ids=event_ids, commands=(a_command(1), a_command(2))
                )
            )
    after = await stored(store, RELEASE_ID, "opened", "new")
    assert (after.release, after.unsent, after.seen) == (before.release, (), {"opened"})


async def test_what_is_recalled_is_what_was_read_or_written_last(store: ReleaseStore) -> None:
    """Without asking: a commit on it works as one on what was loaded does."""
    before = await opened(store)
    assert await store.recall(RELEASE_ID) == before
    change = ReleaseCommit(release=replace(before.release, reason="changed"), version=before.version)
    await store.commit(replace(change, event_ids=("change",), commands=(a_command(1), a_command(2), a_command(3))))
    recalled = await store.recall(RELEASE_ID)
    assert recalled == await stored(store)
    assert recalled is not None
    await store.mark_sent(RELEASE_ID, [a_command(1).command_id, a_command(3).command_id])
    recalled = await store.recall(RELEASE_ID)
    assert recalled is not None
    assert recalled.unsent == (a_command(2),)
    await store.commit(replace(change, version=recalled.version, event_ids=("another",), commands=(a_command(4),)))
    recalled = await store.recall(RELEASE_ID)
    assert recalled is not None
    assert recalled.unsent == (a_command(2), a_command(4))
    assert await outbox(store) == [a_command(2), a_command(4)]


async def test_those_who_recall_in_one_process_lose_no_race_against_each_other(store: ReleaseStore) -> None:
    """Each waits for the commit of the one before it, and decides on what that one left."""
    await opened(store)

    async def more(number: int) -> None:
        recalled = await store.recall(RELEASE_ID)
        assert recalled is not None
        changed = replace(recalled.release, look=recalled.release.look + 1)
        await store.commit(
            ReleaseCommit(release=changed, version=recalled.version, event_ids=(f"event-{number}",), commands=())
        )

    await asyncio.gather(*(more(number) for number in range(8)))

    after = await stored(store, RELEASE_ID, *(f"event-{number}" for number in range(8)))
    assert len(after.seen) == 8
    recalled = await store.recall(RELEASE_ID)
    assert recalled is not None
    assert recalled.release == after.release


async def test_history_is_oldest_first_and_verifies(store: ReleaseStore) -> None:
    """The chain of digests survives storage."""
    before = await opened(store)
    entries = [an_entry(1)]
    for number in range(2, 13):
        entries.append(chain(replace(an_entry(number), digest=""), entries[-1].digest))
    await store.commit(ReleaseCommit(release=before.release, version=before.version, entries=tuple(entries[1:])))
    assert await store.history(RELEASE_ID) == entries
    assert broken_at(await store.history(RELEASE_ID)) is None


async def test_the_outbox_is_oldest_first_over_several_commits(store: ReleaseStore) -> None:
    """Commands leave in the order in which they were decided, whatever their ids."""
    before = await opened(store)
    first = tuple(a_command(number) for number in range(12, 1, -1))
    await store.commit(ReleaseCommit(release=before.release, version=before.version, commands=first))
    second = (a_command(1), a_command(99))
    between = await stored(store)
    await store.commit(ReleaseCommit(release=between.release, version=between.version, commands=second))
    assert await outbox(store) == [*first, *second]


async def test_a_sent_command_leaves_the_outbox(store: ReleaseStore) -> None:
    """Removing it twice is fine, the others stay."""
    release = a_release()
    commands = (a_command(1), a_command(2), a_command(3))
    await store.commit(ReleaseCommit(release=release, version=None, commands=commands))
    for _ in range(2):
        await store.mark_sent(RELEASE_ID, [commands[1].command_id])
    assert await outbox(store) == [commands[0], commands[2]]
    await store.mark_sent("rel-unknown", ["never-committed"])


async def test_a_command_committed_again_is_sent_and_gone(store: ReleaseStore) -> None:
    """A look may issue a command whose first copy still waits in the outbox."""
    before = await opened(store)
    await store.commit(ReleaseCommit(release=before.release, version=before.version, commands=(a_command(1),)))
    between = await stored(store)
    await store.commit(
        ReleaseCommit(release=between.release, version=between.version, commands=(a_command(1), a_command(2)))
    )
    assert set(sent_ids(await outbox(store))) == {a_command(1).command_id, a_command(2).command_id}
    await store.mark_sent(RELEASE_ID, [a_command(1).command_id])
    assert sent_ids(await outbox(store)) == [a_command(2).command_id]


async def test_releases_do_not_see_each_other(store: ReleaseStore) -> None:
    """Ids that begin alike are different releases."""
    for release_id in ("rel-1", "rel-10"):
        change = ReleaseCommit(
            release=a_release(release_id=release_id),
            version=None,
            event_ids=(f"event of {release_id}",),
            commands=(a_command(1, command_id=f"{release_id}-command"),),
        )
        await store.commit(change)
    assert (await stored(store, "rel-1", "event of rel-10")).seen == frozenset()
    assert sent_ids(await outbox(store, "rel-1")) == ["rel-1-command"]


@pytest.mark.parametrize(
    "oversized",
    [
        lambda: ReleaseCommit(release=a_release(), version=None, event_ids=tuple(f"event-{n}" for n in range(100))),
        lambda: ReleaseCommit(release=a_release(), version=None, commands=tuple(a_command(n) for n in range(90))),
    ],
)
async def test_too_many_rows_are_refused_before_anything_is_written(
    store: ReleaseStore, oversized: Callable[[], ReleaseCommit]
) -> None:
    """A commit is one transaction, and a transaction has a limit."""
    with pytest.raises(ValueError, match="limit is 90"):
        await store.commit(oversized())
    assert await store.load(RELEASE_ID) is None


async def test_the_number_of_a_commit_grows_and_is_read_back(store: ReleaseStore) -> None:
    """Whoever commits and whoever reads speak of the same commit."""
    before = await opened(store)
    changed = replace(before.release, history_count=before.release.history_count + 1)
    change = ReleaseCommit(release=changed, version=before.version, may_rest=True, commands=(a_command(1),))
    number = await store.commit(change)
    after = await stored(store)
    assert before.number < number == after.number
    assert (before.may_rest, after.may_rest) == (False, True)
