"""Who made a model that a training registered: by the run, never by what the model's tags say."""

import pytest

from shared.application.errors import PlatformBusy
from shared.application.release import intake
from shared.application.training.makers import RecordedRuns
from shared.domain.errors import NotEligible
from shared.domain.makers import Account, AccountKind
from shared.domain.release.model import Phase as At
from shared.domain.release.model import Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_facts
from shared.domain.training.lineage import Trained, model_tags
from shared.domain.training.model import TrainingPhase, TrainingRun
from tests.fakes.platform import DEV_WORKSPACE
from tests.fakes.training import MemoryTrainingStore
from tests.support.benches.release import MODEL, VERSION, Bench
from tests.support.benches.road import approved, decide
from tests.support.benches.training import a_request
from tests.support.builders import NOW, an_actor

PRIVATE = "12345+octo-person@users.noreply.github.com"
WROTE_IT = Account(kind=AccountKind.GIT_EMAIL, name=PRIVATE)
PUSHED_IT = Account(kind=AccountKind.GITHUB_LOGIN, name="person-2", proven=True)
ASKED = Account(kind=AccountKind.ENTRA, name=an_actor(2).object_id, proven=True)


async def a_model(
    bench: Bench, *makers: Account, phase: TrainingPhase = TrainingPhase.SUCCEEDED, **tags: str
) -> TrainingRun:
    """A model that the app trained and registered, which Azure ML records as the work of an application."""
    run = TrainingRun(
        run_id="train-p001-c001-20251208-aaaaaaaa",
        request=a_request(author=PRIVATE, makers=makers),
        model_name=MODEL,
        model_version=VERSION,
        requested_at=NOW,
        phase=phase,
        since=NOW,
        deadline_at=None,
        look_at=None,
    )
    runs = MemoryTrainingStore()
    await runs.create(run)
    bench.model_makers = RecordedRuns(runs)
    written = model_tags(run, "custom-tf-env", Trained(metrics={"mae": 0.1, "rmse": 0.2}, ranges={}))
    bench.platform.add_model(MODEL, VERSION, {**written, **tags}, created_by="")
    return run


async def at_registry(bench: Bench) -> Release:
    now = bench.clock.now()
    release_id = await intake.model_registered("registration-1", DEV_WORKSPACE, MODEL, VERSION, now, bench.ports)
    return await bench.run_until(release_id, At.AWAITING_REGISTRY_APPROVAL)


async def test_who_pushed_a_change_under_a_private_address_approves_nothing_of_it() -> None:
    """The address is a claim and tied to nobody: two others have to agree, at each gate (I4)."""
    bench = Bench()
    bench.knows(AccountKind.GITHUB_LOGIN, "person-2", an_actor(2).object_id)
    await a_model(bench, WROTE_IT, PUSHED_IT)
    release = await at_registry(bench)
    facts = gate_facts(release, Stage.REGISTRY)
    assert PRIVATE in facts["made by"]
    assert "2 different people" in facts["warning: maker unknown"]

    for stage, gate in (
        (Stage.REGISTRY, At.AWAITING_REGISTRY_APPROVAL),
        (Stage.PRODUCTION, At.AWAITING_PRODUCTION_APPROVAL),
    ):
        release = await bench.run_until(release.release_id, gate)
        with pytest.raises(NotEligible, match="requested this release"):
            await decide(bench, release.release_id, stage, an_actor(2))
        await approved(bench, release.release_id, stage, an_actor(3))
        assert bench.release(release.release_id).phase is gate
        await approved(bench, release.release_id, stage, an_actor(4))

    assert (await bench.run_until(release.release_id, At.RELEASED)).phase is At.RELEASED


async def test_the_private_address_of_somebody_known_needs_no_second_person() -> None:
    bench = Bench()
    bench.knows(AccountKind.GITHUB_LOGIN, "person-2", an_actor(2).object_id)
    bench.knows(AccountKind.GITHUB_LOGIN, "octo-person", an_actor(3).object_id)
    await a_model(bench, WROTE_IT, PUSHED_IT)
    release = await at_registry(bench)
    for known in (2, 3):
        with pytest.raises(NotEligible, match="requested this release"):
            await decide(bench, release.release_id, Stage.REGISTRY, an_actor(known))
    await approved(bench, release.release_id, Stage.REGISTRY, an_actor(4))
    assert bench.release(release.release_id).phase is not At.AWAITING_REGISTRY_APPROVAL


async def test_who_trained_by_hand_is_known_by_object_id_and_by_nothing_else() -> None:
    """Whatever the token calls them."""
    bench = Bench()
    await a_model(bench, ASKED)
    release = await at_registry(bench)
    with pytest.raises(NotEligible, match="requested this release"):
        await decide(bench, release.release_id, Stage.REGISTRY, an_actor(2, username="", name="Else"))
    await approved(bench, release.release_id, Stage.REGISTRY, an_actor(3))
    assert bench.release(release.release_id).phase is not At.AWAITING_REGISTRY_APPROVAL


async def test_a_tag_brings_in_one_more_and_replaces_nobody() -> None:
    bench = Bench()
    bench.knows(AccountKind.ENTRA_NAME, "person3@example.com", an_actor(3).object_id)
    await a_model(bench, ASKED, pr_author="person3@example.com")
    release = await at_registry(bench)
    for known in (2, 3):
        with pytest.raises(NotEligible, match="requested this release"):
            await decide(bench, release.release_id, Stage.REGISTRY, an_actor(known))


async def test_a_model_that_a_pipeline_registers_has_an_unknown_maker_whoever_its_tags_name() -> None:
    """A service principal is nobody, and a tag proves nothing."""
    bench = Bench()
    tags = {"plant_id": "P001", "circuit_id": "C001", "pr_author": "trainer@example.com"}
    bench.platform.add_model(MODEL, VERSION, tags, created_by="")
    release = await at_registry(bench)
    assert gate_facts(release, Stage.REGISTRY)["made by"] == "Trainer; unknown: nothing proves who made it"


@pytest.mark.parametrize("tag", [{"training_run": "train-p001-c001-20251208-bbbbbbbb"}, {"training_run": "~ %"}])
async def test_a_run_that_is_only_claimed_proves_nothing(tag: dict[str, str]) -> None:
    bench = Bench()
    await a_model(bench, ASKED, **tag)
    assert "nothing proves" in gate_facts(await at_registry(bench), Stage.REGISTRY)["made by"]


async def test_another_version_that_claims_the_run_is_not_its_model() -> None:
    bench = Bench()
    run = await a_model(bench, ASKED)
    for name, version in ((MODEL, "8"), ("another", VERSION)):
        assert await bench.model_makers.makers_of(name, version, {"training_run": run.run_id}) is None


@pytest.mark.parametrize("phase", [TrainingPhase.FAILED, TrainingPhase.ABORTED, TrainingPhase.TRAINING])
async def test_a_run_that_has_no_model_made_none(phase: TrainingPhase) -> None:
    bench = Bench()
    run = await a_model(bench, ASKED, phase=phase)
    assert await bench.model_makers.makers_of(MODEL, VERSION, {"training_run": run.run_id}) is None


async def test_a_run_that_is_about_to_record_its_model_is_waited_for() -> None:
    """The event of Azure ML is quicker than the run's own note; the wait costs no attempt."""
    bench = Bench()
    run = await a_model(bench, ASKED, phase=TrainingPhase.REGISTERING_MODEL)
    with pytest.raises(PlatformBusy, match="is registering"):
        await bench.model_makers.makers_of(MODEL, VERSION, {"training_run": run.run_id})


async def test_a_run_that_was_stored_before_makers_were_proves_nothing() -> None:
    bench = Bench()
    await a_model(bench)
    facts = gate_facts(await at_registry(bench), Stage.REGISTRY)
    assert facts["made by"] == f"unknown: {PRIVATE} in a tag (a claim), nothing proves who made it"
