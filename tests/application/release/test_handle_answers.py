"""Answers of commands: committed where they were made, or put on the queue; never lost, never applied twice."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from shared.application.carry_out import carry_out
from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.application.release.handle_events import handle_answer
from shared.application.release.ports import ReleaseCommit, Stored
from shared.domain.release import events as e
from shared.domain.release.commands import CheckTarget, Command
from shared.domain.release.model import Phase
from tests.fakes.queues import MemoryCommandQueue
from tests.fakes.store import MemoryReleaseStore
from tests.support.benches.release import Bench
from tests.support.benches.road import NEW_ID, fleet_in_production
from tests.support.builders import NOW, RELEASE_ID, a_candidate, a_command, a_fleet_release, a_plan, a_release

ANSWER = e.CandidateVerified(
    event_id="verified",
    release_id=RELEASE_ID,
    occurred_at=NOW,
    serial=1,
    candidate=a_candidate(),
    plan=a_plan(),
)


async def verifying(bench: Bench, store: MemoryReleaseStore) -> Bench:
    """A release that waits for ANSWER, with an unsent command."""
    bench.store = store
    await bench.put(a_release(Phase.VERIFYING, serial=1), a_command(1))
    return bench


def told(bench: Bench) -> list[str]:
    """The events that the history tells of."""
    return [entry.event_id for entry in bench.store.partitions[RELEASE_ID].history]


async def test_an_answer_is_committed_where_it_was_made(bench: Bench) -> None:
    """With all that follows from a commit, and without a message of its own."""
    await verifying(bench, MemoryReleaseStore(remembers=True))

    await handle_answer(ANSWER, bench.ports)

    assert bench.release(RELEASE_ID).phase is Phase.AWAITING_REGISTRY_APPROVAL
    assert told(bench) == ["verified"]
    assert bench.store.partitions[RELEASE_ID].outbox == {}
    assert "verified" not in [key for key, _, _ in bench.events.sent]
    assert a_command(1).command_id in [key for key, _, _ in bench.commands.sent]


async def test_a_process_that_does_not_know_the_release_puts_the_answer_on_the_queue(bench: Bench) -> None:
    """The one that holds the session knows it, and need not read it again for every commit of another process."""
    await verifying(bench, MemoryReleaseStore())

    await handle_answer(ANSWER, bench.ports)

    assert told(bench) == []
    assert [key for key, _, _ in bench.events.sent] == ["verified"]


@dataclass
class Failing:
    """Raises `error` from the commit, before or after it was made."""

    error: Exception
    is_made: bool = False
    calls: int = field(default=0, init=False)

    def store(self) -> MemoryReleaseStore:
        failing = self

        class Store(MemoryReleaseStore):
            async def commit(self, change: ReleaseCommit) -> int:
                failing.calls += 1
                if failing.calls != 2:  # the first one is that of the test itself
                    return await super().commit(change)
                if failing.is_made:
                    await super().commit(change)
                raise failing.error

        return Store(remembers=True)


@pytest.mark.parametrize("is_made", [False, True])
@pytest.mark.parametrize("error", [ConcurrentUpdate, TransientFault, ValueError])
async def test_an_answer_that_cannot_be_committed_here_goes_through_the_queue_and_acts_once(
    bench: Bench, error: Callable[[str], Exception], is_made: bool
) -> None:
    """Also when nobody knows whether it was committed, and when something is wrong with the answer itself."""
    await verifying(bench, Failing(error("no"), is_made).store())

    await handle_answer(ANSWER, bench.ports)
    assert [key for key, _, _ in bench.events.sent] == ["verified"]
    await bench.deliver()

    assert told(bench).count("verified") == 1
    assert bench.store.partitions[RELEASE_ID].outbox == {}


async def test_what_follows_from_an_answer_and_could_not_be_sent_leaves_with_its_event(bench: Bench) -> None:
    """The commit is made, and the event that comes again finds what is unsent."""

    class Queue(MemoryCommandQueue):
        broken = True

        async def send(self, command: Command, **options: object) -> None:
            if self.broken:
                raise TransientFault("the namespace does not answer")
            await super().send(command)

    bench.commands = queue = Queue()
    await verifying(bench, MemoryReleaseStore(remembers=True))

    await handle_answer(ANSWER, bench.ports)
    assert bench.store.partitions[RELEASE_ID].outbox
    queue.broken = False
    await bench.deliver()

    assert bench.store.partitions[RELEASE_ID].outbox == {}
    assert told(bench) == ["verified"]


async def test_a_command_tells_its_answer_without_a_message(bench: Bench) -> None:
    """The whole way of a step: from the command to what the release makes of the answer."""
    bench.store = MemoryReleaseStore(remembers=True)
    rid = await bench.registered()
    await bench.run_until(rid, Phase.AWAITING_REGISTRY_APPROVAL)

    kinds = {type(event) for _, event, _ in bench.events.sent}
    assert e.CandidateVerified not in kinds
    assert bench.release(rid).phase is Phase.AWAITING_REGISTRY_APPROVAL
    await carry_out(next(command for _, command, _ in bench.commands.sent), bench.ports)  # once more: it is stale
    assert bench.release(rid).phase is Phase.AWAITING_REGISTRY_APPROVAL


async def test_a_stale_check_that_is_remembered_as_current_leaves_no_job_running(bench: Bench) -> None:
    """What a process remembers may be over: the handler looks again once it has submitted, and takes the job back."""
    release = a_fleet_release(Phase.CHECKING, serial=3)

    class Store(MemoryReleaseStore):
        async def recall(self, release_id: str) -> Stored | None:
            return replace(self.partitions[release_id].stored(), release=release)

    fleet_in_production(bench)
    bench.platform.registry[NEW_ID] = "environment"
    bench.platform.reads_in_progress = 9
    bench.store = Store()
    await bench.put(replace(release, serial=4))
    command = CheckTarget(
        command_id="check",
        release_id=release.release_id,
        serial=3,
        target_key="P001-C001",
        attempt=1,
        look=0,
        previous=next(iter(bench.platform.deployments.values())).spec,
        environment=NEW_ID,
    )

    await carry_out(command, bench.ports)

    ((_, name), job), *others = bench.platform.jobs.items()
    assert (name.endswith("-base"), job.status, others) == (True, "Canceled", [])
