"""What people may ask for, checked at once by the rules that decide on the queue."""

import pytest

from shared.application.release import people
from shared.application.release.people import Answer, Decided, NoSuchRelease
from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from shared.domain.release.model import Actor, Phase
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.support.benches.release import Bench
from tests.support.builders import RELEASE_ID, a_candidate, a_release, an_actor

GATE = Phase.AWAITING_REGISTRY_APPROVAL


async def say(bench: Bench, actor: Actor | None = None, **changes: object) -> Decided:
    """A yes on the registry gate of what is stored; `changes` are other words."""
    release = bench.release(RELEASE_ID)
    words: dict[str, object] = {
        "approved": True,
        "digest": gate_digest(release, Stage.REGISTRY),
        "reason": "",
        **changes,
    }
    return await people.submit_approval(
        RELEASE_ID,
        Stage.REGISTRY,
        actor or an_actor(),
        ports=bench.ports,
        **words,  # type: ignore[arg-type]
    )


async def test_an_approval_is_accepted_put_on_the_queue_and_recorded_with_its_person(bench: Bench) -> None:
    """Accepted is not done: the queue decides."""
    await bench.put(a_release(GATE))

    decided = await say(bench)

    assert (decided.answer, bench.release(RELEASE_ID).phase) == (Answer.ACCEPTED, GATE)
    await bench.deliver()
    release = bench.release(RELEASE_ID)
    assert release.phase is not GATE
    assert [approval.actor for approval in release.approvals] == [an_actor()]


async def test_an_approval_counts_once_per_person(bench: Bench) -> None:
    """A second click is the same event, before and after it was handled (I4)."""
    await bench.put(a_release(GATE))
    await say(bench)
    await say(bench)

    assert len(bench.events.sent) == 1
    await bench.deliver()
    assert len(bench.release(RELEASE_ID).approvals) == 1


@pytest.mark.parametrize("approved", [True, False])
async def test_the_requester_decides_nothing(bench: Bench, approved: bool) -> None:
    """Neither yes nor no (I4); nothing reaches the queue."""
    await bench.put(a_release(GATE))
    requester = an_actor(object_id=a_candidate().requesters[0])

    with pytest.raises(NotEligible, match="requested this release"):
        await say(bench, requester, approved=approved, reason="mine")

    assert bench.events.sent == []


async def test_a_decision_on_another_digest_is_refused(bench: Bench) -> None:
    """What the person looked at is not what is there (I5)."""
    await bench.put(a_release(GATE))

    with pytest.raises(Conflict, match="has changed"):
        await say(bench, digest="0" * 64)

    assert bench.events.sent == []


async def test_a_rejection_needs_a_reason_and_ends_the_release_with_it(bench: Bench) -> None:
    """The reason is what is to be mended."""
    await bench.put(a_release(GATE))
    with pytest.raises(InvalidRequest, match="needs a reason"):
        await say(bench, approved=False)

    await say(bench, approved=False, reason="the metrics are worse")
    await bench.deliver()

    release = bench.release(RELEASE_ID)
    assert release.phase is Phase.REJECTED
    assert "the metrics are worse" in release.reason


async def test_a_rejection_after_the_same_persons_approval_is_another_event(bench: Bench) -> None:
    """Nobody's no is swallowed as a duplicate of their yes."""
    await bench.put(a_release(GATE))
    await say(bench)
    await say(bench, approved=False, reason="I looked again")

    assert len(bench.events.sent) == 2


async def test_an_abort_ends_a_release_that_did_not_touch_production(bench: Bench) -> None:
    """At once, and the circuit is given back without cool-down."""
    await bench.put(a_release(Phase.TESTING))
    await bench.locks.acquire("P001-C001", RELEASE_ID, bench.clock.now())

    await people.abort(RELEASE_ID, an_actor(), "wrong model", bench.ports)
    await bench.deliver()

    assert bench.release(RELEASE_ID).phase is Phase.ABORTED
    assert bench.locks.locks["P001-C001"].free_from == bench.clock.now()


async def test_an_abort_after_production_was_touched_settles_first(bench: Bench) -> None:
    """The change may still be under way."""
    await bench.put(a_release(Phase.DEPLOYING_PRODUCTION))

    await people.abort(RELEASE_ID, an_actor(), "wrong model", bench.ports)
    await bench.deliver()

    release = bench.release(RELEASE_ID)
    assert (release.phase, release.ending) == (Phase.SETTLING, Phase.ABORTED)


async def test_an_abort_needs_a_reason_and_a_member_of_an_approving_group(bench: Bench) -> None:
    """Requesters may abort; outsiders and applications may not."""
    await bench.put(a_release(GATE))

    with pytest.raises(InvalidRequest, match="needs a reason"):
        await people.abort(RELEASE_ID, an_actor(), " ", bench.ports)
    with pytest.raises(NotEligible, match="not a member"):
        await people.abort(RELEASE_ID, an_actor(groups=()), "why not", bench.ports)
    with pytest.raises(NotEligible, match="only a person"):
        await people.abort(RELEASE_ID, an_actor(is_person=False), "why not", bench.ports)
    requester = an_actor(object_id=a_candidate().requesters[0])
    assert (await people.abort(RELEASE_ID, requester, "my mistake", bench.ports)).answer is Answer.ACCEPTED


async def test_a_retry_starts_the_held_step_again(bench: Bench) -> None:
    """With a full set of attempts."""
    await bench.put(a_release(Phase.HELD, faults=3, candidate=a_candidate()))
    await people.retry(RELEASE_ID, an_actor(), "it was the network", bench.ports)

    await bench.deliver()

    history = bench.store.partitions[RELEASE_ID].history
    assert (history[0].phase_before, history[0].phase_after) == (Phase.HELD, Phase.VERIFYING)
    assert "it was the network" in history[0].note


async def test_a_retry_clicked_twice_is_one_attempt(bench: Bench) -> None:
    """The id is of the step: a later hold can be retried again by the same person."""
    await bench.put(a_release(Phase.HELD))
    await people.retry(RELEASE_ID, an_actor(), "", bench.ports)
    await people.retry(RELEASE_ID, an_actor(), "", bench.ports)
    assert len(bench.events.sent) == 1

    partition = bench.store.partitions[RELEASE_ID]
    partition.release = a_release(Phase.HELD, serial=partition.release.serial + 2)
    await people.retry(RELEASE_ID, an_actor(), "", bench.ports)
    assert len(bench.events.sent) == 2


async def test_only_a_held_release_can_be_retried(bench: Bench) -> None:
    """A 409 that says where the release is."""
    await bench.put(a_release(Phase.TESTING))

    with pytest.raises(Conflict, match="while the release is testing"):
        await people.retry(RELEASE_ID, an_actor(), "", bench.ports)


async def test_nobody_can_decide_on_a_release_that_does_not_exist(bench: Bench) -> None:
    """And nothing is put on a queue for it."""
    with pytest.raises(NoSuchRelease, match="there is no release"):
        await people.abort(RELEASE_ID, an_actor(), "wrong model", bench.ports)

    assert bench.events.sent == []
