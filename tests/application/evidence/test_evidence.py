"""Evidence through the use cases: from the uploaded file to the approval it is bound to."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.application.evidence.submit import submit_evidence
from shared.application.release.handle_events import handle_events
from shared.application.release.people import Answer
from shared.contracts.http.evidence import evidence_view_of
from shared.domain.errors import Conflict
from shared.domain.evidence.gate import assessed
from shared.domain.evidence.matrix import Advice, Quality
from shared.domain.release.model import Phase
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest, gate_facts
from tests.support.benches.evidence import GATE, at_the_gate, submissions
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER, REQUESTER, approved, decide
from tests.support.builders import an_actor
from tests.support.notebooks import complete, incomplete, with_error

# The approval decision matrix, row by row


@pytest.mark.parametrize(
    ("verdicts", "phase", "advice", "said"),
    [
        ({}, Phase.AWAITING_PRODUCTION_APPROVAL, Advice.APPROVE, "all 6 pass"),
        ({"P001/C002": "changed"}, Phase.AWAITING_PRODUCTION_APPROVAL, Advice.NEEDS_PERSON, "1 of 6 have no clear"),
        ({"P002/C001": "failed"}, Phase.FAILED, Advice.NEEDS_PERSON, "1 of 6 fail (P002-C001): investigate"),
    ],
    ids=["all models pass", "some predict other values", "some models fail"],
)
async def test_complete_evidence_is_weighed_against_the_tests_of_all_models(
    strict: Bench, verdicts: dict[str, str], phase: Phase, advice: Advice, said: str
) -> None:
    """The matrix's first two rows, and what it leaves open. A failed model ends the release by itself."""
    strict.environments.verdicts.update(verdicts)
    release = await at_the_gate(strict, complete())
    await approved(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    ended = await strict.run_until(release.release_id, phase)

    view = evidence_view_of(ended)
    assert (view.advice, view.quality) == (advice.value, Quality.COMPLETE.value)
    assert said in view.reasons[-1].text


@pytest.mark.parametrize(
    ("make", "quality", "said"),
    [
        (incomplete, Quality.INCOMPLETE, 'there is no heading "Display predictions"'),
        (with_error, Quality.WITH_ERRORS, "no rows were scored"),
        (lambda: complete("1.5.0"), Quality.INCOMPLETE, "run it in custom-tf-env:1.5.1"),
    ],
    ids=["incomplete notebook", "notebook with errors", "ran in another version"],
)
async def test_nobody_can_approve_on_evidence_that_the_matrix_rejects(
    strict: Bench, make: Callable[[], bytes], quality: Quality, said: str
) -> None:
    """It is taken and told with its reasons; the refusal says what is wrong, and better evidence opens the way."""
    release = await at_the_gate(strict, make())
    found = assessed(release)
    assert (found.advice, found.quality) == (Advice.REJECT, quality)

    with pytest.raises(Conflict) as refused:
        await approved(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    assert said in str(refused.value)
    assert "upload it again, or reject" in str(refused.value)

    await submit_evidence(release.release_id, REQUESTER, complete(), strict.ports)
    await strict.deliver()
    await approved(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    assert strict.release(release.release_id).phase is not GATE


async def test_nobody_can_approve_without_the_evidence_that_the_policy_asks_for(strict: Bench) -> None:
    """The matrix's row without a notebook. The gate says so before anybody tries."""
    release = await at_the_gate(strict)

    view = evidence_view_of(release)
    assert (view.advice, view.quality, view.required, view.sha256) == ("reject", "no notebook", True, None)
    assert gate_facts(release, Stage.REGISTRY)["evidence"].startswith("missing")
    with pytest.raises(Conflict, match=r"without evidence: run a notebook in custom-tf-env:1\.5\.1"):
        await approved(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    assert strict.release(release.release_id).approvals == ()


async def test_a_rejection_needs_no_evidence(strict: Bench) -> None:
    """No is always possible."""
    release = await at_the_gate(strict)
    await decide(strict, release.release_id, Stage.REGISTRY, ENGINEER, approved=False)
    await strict.deliver()

    assert strict.release(release.release_id).phase is Phase.REJECTED


async def test_where_the_policy_asks_for_no_evidence_only_bad_evidence_stands_in_the_way(
    fleet: Bench,
) -> None:
    """Nothing is shown of what is not there."""
    release = await at_the_gate(fleet)
    assert "evidence" not in gate_facts(release, Stage.REGISTRY)
    await submit_evidence(release.release_id, REQUESTER, with_error(), fleet.ports)
    await fleet.deliver()
    with pytest.raises(Conflict, match="notebook with errors"):
        await approved(fleet, release.release_id, Stage.REGISTRY, ENGINEER)


async def test_a_release_with_evidence_reaches_production_and_says_at_both_gates_what_it_rests_on(
    strict: Bench,
) -> None:
    strict.environments.verdicts["P001/C002"] = "changed"
    release = await at_the_gate(strict, complete())
    first = gate_facts(release, Stage.REGISTRY)
    assert first["evidence"] == f"approve: {Quality.COMPLETE.value}; tests follow after this gate"
    assert release.evidence is not None
    assert release.evidence.sha256 in first["evidence file"]
    assert "against approval" not in first
    await approved(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    second = gate_facts(
        await strict.run_until(release.release_id, Phase.AWAITING_PRODUCTION_APPROVAL), Stage.PRODUCTION
    )
    assert second["evidence"].startswith("needs a person: ")
    assert "P001-C002" in second["against approval"]
    await approved(strict, release.release_id, Stage.PRODUCTION, ENGINEER, MANAGER)
    await strict.run_until(release.release_id, Phase.WATCHING)


# What an approval is bound to


async def test_an_approval_of_old_evidence_is_refused(strict: Bench) -> None:
    """Another file is another digest, even with one blank more (I5)."""
    release = await at_the_gate(strict, complete())
    old = gate_digest(release, Stage.REGISTRY)
    await submit_evidence(release.release_id, REQUESTER, complete() + b"\n", strict.ports)
    await strict.deliver()

    with pytest.raises(Conflict, match="what you looked at has changed"):
        await decide(strict, release.release_id, Stage.REGISTRY, ENGINEER, digest=old)


async def test_new_evidence_voids_the_approvals_given_on_the_old(strict: Bench) -> None:
    """With two needed, the first has to look again; the history says so."""
    release = await at_the_gate(strict, complete())
    gate = release.policy.gates[Stage.REGISTRY]
    two = replace(gate, approvals=(replace(gate.approvals[0], count=2),))
    policy = replace(release.policy, gates={**release.policy.gates, Stage.REGISTRY: two})
    strict.store.partitions[release.release_id].release = replace(release, policy=policy)
    await approved(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    await submit_evidence(release.release_id, REQUESTER, complete() + b"\n", strict.ports)
    await strict.deliver()
    assert (
        "count no more, given on what was there before: 1"
        in strict.store.partitions[release.release_id].history[-1].note
    )

    await approved(strict, release.release_id, Stage.REGISTRY, an_actor(5))
    assert strict.release(release.release_id).phase is GATE
    await approved(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    assert strict.release(release.release_id).phase is not GATE


async def test_an_approval_that_overtakes_new_evidence_on_the_queue_does_not_count_for_it(strict: Bench) -> None:
    """Both were fine when they were asked for; the queue decides again, and says in the history what it refused."""
    release = await at_the_gate(strict, complete())
    await submit_evidence(release.release_id, REQUESTER, complete() + b"\n", strict.ports)
    await decide(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    await strict.deliver()

    after = strict.release(release.release_id)
    assert (after.phase, after.approvals) == (GATE, ())
    assert "refused: what you looked at has changed" in strict.store.partitions[release.release_id].history[-1].note


async def test_the_same_file_again_changes_nothing(strict: Bench) -> None:
    """No approval is lost to a second click."""
    release = await at_the_gate(strict, complete())
    again = await submit_evidence(release.release_id, ENGINEER, complete(), strict.ports)

    assert again.answer is Answer.ALREADY_DONE
    assert len(submissions(strict)) == 1
    assert strict.release(release.release_id) == release


async def test_an_earlier_file_can_be_handed_in_again(strict: Bench) -> None:
    """The last one handed in counts, whatever was there before."""
    release = await at_the_gate(strict, complete(), with_error(), complete(), with_error(), complete())

    assert assessed(release).advice is Advice.APPROVE
    assert len(submissions(strict)) == 5


async def test_a_message_that_comes_twice_is_evidence_once(strict: Bench) -> None:
    """The inbox knows it, also after other evidence took its place."""
    release = await at_the_gate(strict, complete(), with_error())
    await handle_events(release.release_id, [submissions(strict)[0]], strict.ports)

    assert strict.release(release.release_id) == release
