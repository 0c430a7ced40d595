"""Evidence through the use cases: who may hand it in, when, what is refused, and how the file is kept."""

from dataclasses import replace

import pytest

from shared.application.evidence.submit import NoSuchEvidence, evidence_file, evidence_of, submit_evidence
from shared.application.release.people import Answer, NoSuchRelease
from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from shared.domain.release.model import Actor, Phase
from shared.domain.release.policy import Stage
from tests.support.benches.evidence import GATE, at_the_gate, submissions
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, REQUESTER, approved, requested
from tests.support.builders import RELEASE_ID, a_release, an_actor
from tests.support.notebooks import HOSTILE, complete, with_error


async def test_evidence_is_taken_while_the_version_is_still_being_verified(strict: Bench) -> None:
    """Nobody has to wait for Azure ML to hand it in."""
    release_id = await requested(strict)
    verifying = replace(strict.release(release_id), phase=Phase.VERIFYING, candidate=None)
    strict.store.partitions[release_id].release = verifying
    decided = await submit_evidence(release_id, REQUESTER, complete(), strict.ports)

    assert (decided.answer, decided.release.phase) == (Answer.ACCEPTED, Phase.VERIFYING)


async def test_evidence_is_not_taken_once_people_have_decided_on_it(strict: Bench) -> None:
    """Nothing is stored and nothing is queued."""
    release = await at_the_gate(strict, complete())
    await approved(strict, release.release_id, Stage.REGISTRY, ENGINEER)
    files, queued = dict(strict.evidence.files), len(submissions(strict))
    with pytest.raises(Conflict, match="submitting evidence is not possible while the release is"):
        await submit_evidence(release.release_id, REQUESTER, complete() + b"\n", strict.ports)
    assert (strict.evidence.files, len(submissions(strict))) == (files, queued)


@pytest.mark.parametrize(
    ("actor", "said"),
    [(an_actor(9, groups=()), "is not a member"), (an_actor(9, is_person=False), "only a person may submit evidence")],
    ids=["outsider", "application"],
)
async def test_the_file_of_a_stranger_is_not_even_read(strict: Bench, actor: Actor, said: str) -> None:
    """It would be refused as no notebook otherwise."""
    release = await at_the_gate(strict)
    with pytest.raises(NotEligible, match=said):
        await submit_evidence(release.release_id, actor, b"no notebook", strict.ports)
    assert strict.evidence.files == {}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_file_that_is_no_notebook_is_refused_and_not_kept(strict: Bench, case: str) -> None:
    release = await at_the_gate(strict)
    with pytest.raises(InvalidRequest, match="the notebook cannot be read"):
        await submit_evidence(release.release_id, REQUESTER, HOSTILE[case], strict.ports)
    assert (strict.evidence.files, submissions(strict)) == ({}, [])


async def test_a_release_of_a_model_has_no_evidence(bench: Bench) -> None:
    await bench.put(a_release(GATE))
    for refused in (
        submit_evidence(RELEASE_ID, ENGINEER, complete(), bench.ports),
        evidence_of(RELEASE_ID, bench.ports),
    ):
        with pytest.raises(Conflict, match="releases no environment"):
            await refused


async def test_a_release_that_does_not_exist_is_said_so(bench: Bench) -> None:
    with pytest.raises(NoSuchRelease):
        await submit_evidence(RELEASE_ID, ENGINEER, complete(), bench.ports)


# The file


async def test_the_file_is_kept_as_it_came(strict: Bench) -> None:
    """Under its hash, before the event that names it."""
    release = await at_the_gate(strict, complete())
    assert release.evidence is not None
    assert await evidence_file(release.release_id, strict.ports) == (release.evidence.sha256, complete())
    assert release.evidence.size_bytes == len(complete())
    assert (release.evidence.submitted_by, release.evidence.submitted_by_id) == (REQUESTER.name, REQUESTER.object_id)


async def test_a_file_that_was_changed_behind_the_app_is_not_handed_out(strict: Bench) -> None:
    """Nobody shall decide on something else than what was judged."""
    release = await at_the_gate(strict, with_error())
    assert release.evidence is not None
    strict.evidence.files[release.release_id, release.evidence.sha256] = complete()
    with pytest.raises(Conflict, match="not the evidence that was judged"):
        await evidence_file(release.release_id, strict.ports)


async def test_a_file_that_is_gone_can_be_handed_in_again(strict: Bench) -> None:
    release = await at_the_gate(strict, complete())
    strict.evidence.files.clear()
    with pytest.raises(NoSuchEvidence, match="upload it again"):
        await evidence_file(release.release_id, strict.ports)
    await submit_evidence(release.release_id, REQUESTER, complete(), strict.ports)
    assert (await evidence_file(release.release_id, strict.ports))[1] == complete()


async def test_a_release_without_evidence_has_no_file(strict: Bench) -> None:
    release = await at_the_gate(strict)
    with pytest.raises(NoSuchEvidence, match="has no evidence"):
        await evidence_file(release.release_id, strict.ports)
