"""A history that was changed is told, also when every row of it was written anew."""

from dataclasses import replace

from shared.application.release.queries import read_history
from shared.domain.release.history import HistoryEntry, broken_at, chain
from shared.domain.release.model import Phase
from tests.support.benches.release import Bench


async def held(bench: Bench) -> str:
    """A release with some history; its id."""
    release_id = await bench.registered()
    await bench.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    return release_id


def rewritten(entries: list[HistoryEntry], **changed: str) -> list[HistoryEntry]:
    """Every entry, with the chain computed anew: it fits."""
    made: list[HistoryEntry] = []
    for entry in entries:
        made.append(chain(replace(entry, **changed), made[-1].digest if made else ""))  # type: ignore[arg-type]
    assert broken_at(made) is None
    return made


async def verified(bench: Bench, release_id: str) -> bool:
    return (await read_history(release_id, bench.ports))[1]


async def test_a_history_as_it_was_written_verifies() -> None:
    bench = Bench()

    assert await verified(bench, await held(bench))


async def test_a_history_whose_rows_were_all_written_anew_does_not_verify() -> None:
    """The chain fits, but the release holds another end of it."""
    bench = Bench()
    release_id = await held(bench)
    partition = bench.store.partitions[release_id]

    partition.history[:] = rewritten(partition.history, actor="somebody else")

    assert not await verified(bench, release_id)


async def test_a_history_without_its_last_or_first_entry_or_with_none_does_not_verify() -> None:
    bench = Bench()
    release_id = await held(bench)
    history = bench.store.partitions[release_id].history
    whole = [*history]

    for left in (whole[:-1], whole[1:], []):
        history[:] = left
        assert not await verified(bench, release_id)


async def test_an_entry_that_came_after_the_release_was_read_does_no_harm() -> None:
    bench = Bench()
    release_id = await held(bench)
    history = bench.store.partitions[release_id].history

    history.append(chain(replace(history[-1], number=len(history) + 1), history[-1].digest))

    assert await verified(bench, release_id)


async def test_facts_take_the_digests_out_so_that_a_rewritten_release_is_found_too() -> None:
    """Whoever may write the table can write the release's own digest, but not what others received."""
    bench = Bench()
    release_id = await held(bench)
    told = [data for _, _, data in bench.facts.facts.values() if data["release_id"] == release_id]
    partition = bench.store.partitions[release_id]
    assert told
    assert all(partition.history[int(data["history_number"]) - 1].digest == data["history_digest"] for data in told)

    partition.history[:] = rewritten(partition.history, actor="somebody else")
    partition.release = replace(partition.release, history_hash=partition.history[-1].digest)

    assert await verified(bench, release_id)
    assert all(partition.history[int(data["history_number"]) - 1].digest != data["history_digest"] for data in told)
