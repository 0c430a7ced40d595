"""A release uses the configuration of the commit its candidate was made from, and says so."""

from dataclasses import replace

import pytest

from shared.application.release import intake, people
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_facts
from tests.fakes.config import FakeReleaseConfig, MemoryConfigurations
from tests.fakes.platform import DEV_WORKSPACE
from tests.support.benches.release import MODEL, TRAINER, VERSION, Bench
from tests.support.benches.road import decide
from tests.support.builders import an_actor

MADE_FROM, TAKEN = "a" * 40, "b" * 40


@pytest.fixture
def branch(bench: Bench) -> MemoryConfigurations:
    """Commit a... has mini batches of 17, and the one that was taken last of 23."""
    made = FakeReleaseConfig(origin=f"commit {MADE_FROM}", plans={"mini_batch_size": 17})
    bench.configurations.current = FakeReleaseConfig(origin=f"commit {TAKEN}", plans={"mini_batch_size": 23})
    bench.configurations.commits = {MADE_FROM: made, TAKEN: bench.configurations.current}
    return bench.configurations


async def registered(bench: Bench, commit: str = MADE_FROM) -> str:
    tags = {"plant_id": "P001", "circuit_id": "C001", "git_commit_sha": commit}
    bench.platform.add_model(MODEL, VERSION, tags, created_by=TRAINER)
    now = bench.clock.now()
    return await intake.model_registered("registration-1", DEV_WORKSPACE, MODEL, VERSION, now, bench.ports)


async def at_the_gate(bench: Bench, stage: Stage, commit: str = MADE_FROM) -> Release:
    rid = await registered(bench, commit)
    release = await bench.run_until(rid, Phase.AWAITING_REGISTRY_APPROVAL)
    if stage is Stage.REGISTRY:
        return release
    await decide(bench, rid, Stage.REGISTRY, an_actor())
    return await bench.run_until(rid, Phase.AWAITING_PRODUCTION_APPROVAL)


def told(release: Release) -> str:
    return gate_facts(release, Stage.REGISTRY)["configuration"]


async def test_a_model_is_deployed_as_the_commit_it_was_made_from_says(
    bench: Bench, branch: MemoryConfigurations
) -> None:
    """To test and to production; what was taken since is for the models that are made from it."""
    release = await at_the_gate(bench, Stage.PRODUCTION)
    await decide(bench, release.release_id, Stage.PRODUCTION, an_actor())
    await bench.run_until(release.release_id, Phase.RELEASED)

    assert [spec.mini_batch_size for _, spec in bench.platform.puts] == [17, 17]
    assert told(release) == f"commit {MADE_FROM}"
    assert f"configured by commit {MADE_FROM}" in (await bench.store.history(release.release_id))[1].note


@pytest.mark.parametrize(
    ("commit", "why"),
    [
        ("", "the candidate names no commit"),
        ("c" * 40, f"that of commit {'c' * 40} is not used: the branch does not have it"),
    ],
)
async def test_without_such_a_commit_it_is_the_one_that_was_taken_last_and_the_gate_says_why(
    bench: Bench, branch: MemoryConfigurations, commit: str, why: str
) -> None:
    release = await at_the_gate(bench, Stage.REGISTRY, commit)

    assert release.target.plan.mini_batch_size == 23
    assert told(release) == f"commit {TAKEN} ({why})"


async def test_a_repository_that_does_not_answer_stops_no_release(bench: Bench, branch: MemoryConfigurations) -> None:
    branch.silent = True

    release = await at_the_gate(bench, Stage.REGISTRY)

    assert release.target.plan.mini_batch_size == 23
    assert "is not used: the repository does not answer" in told(release)


async def test_the_gates_of_a_release_are_those_in_force_and_not_those_of_an_old_commit(
    bench: Bench, branch: MemoryConfigurations
) -> None:
    """Who makes a model chooses its commit; the gates are no choice of theirs."""
    open_door = replace(FakeReleaseConfig().policy(), gates={})
    branch.commits[MADE_FROM] = FakeReleaseConfig(open_door, plans={"mini_batch_size": 17})

    release = await at_the_gate(bench, Stage.REGISTRY)

    assert set(release.policy.gates) == {Stage.REGISTRY, Stage.PRODUCTION}


async def test_a_merge_does_not_change_the_gates_of_a_release_that_is_open(
    bench: Bench, branch: MemoryConfigurations
) -> None:
    release = await at_the_gate(bench, Stage.REGISTRY)
    open_door = replace(release.policy, gates={})
    branch.current = FakeReleaseConfig(open_door, origin="a later commit")

    await decide(bench, release.release_id, Stage.REGISTRY, an_actor())

    assert (await bench.run_until(release.release_id, Phase.AWAITING_PRODUCTION_APPROVAL)).policy == release.policy


async def test_a_circuit_that_is_new_at_its_commit_needs_it_in_force_as_well(
    bench: Bench, branch: MemoryConfigurations
) -> None:
    branch.current.without = {"P001-C001"}

    rid = await registered(bench)
    held = await bench.run_until(rid, Phase.HELD)
    branch.current.without = set()
    branch.commits[MADE_FROM].without = {"P001-C001"}
    other = await bench.run_until(await again(bench, rid), Phase.HELD)

    assert held.reason.startswith(f"circuit P001/C001 is not in config/plants_circuits.yml of commit {TAKEN}")
    assert f"is not in the fleet of commit {MADE_FROM}" in other.reason


async def again(bench: Bench, rid: str) -> str:
    """The held step is tried again."""
    await people.retry(rid, an_actor(), "configured now", bench.ports)
    await bench.deliver()
    return rid


@pytest.mark.parametrize("name", ["endpoint_name", "deployment_name", "registry_model_name"])
async def test_a_model_made_before_its_deployment_got_another_name_is_held(
    bench: Bench, branch: MemoryConfigurations, name: str
) -> None:
    """Two deployments of one circuit would be in production."""
    branch.commits[MADE_FROM].plans[name] = "old-name"

    held = await bench.run_until(await registered(bench), Phase.HELD)

    assert "old-name is " in held.reason


@pytest.mark.parametrize("stage", [Stage.REGISTRY, Stage.PRODUCTION])
async def test_a_circuit_that_is_taken_out_of_the_configuration_goes_no_further(
    bench: Bench, branch: MemoryConfigurations, stage: Stage
) -> None:
    """Neither its circuit nor production is touched; put back, it goes on."""
    release = await at_the_gate(bench, stage)
    rid, before = release.release_id, len(bench.platform.puts)
    branch.current = FakeReleaseConfig(origin="a later commit", without={"P001-C001"})
    await decide(bench, rid, stage, an_actor())

    held = await bench.run_until(rid, Phase.HELD)

    assert held.reason.startswith("circuit P001/C001 is not in config/plants_circuits.yml of a later commit")
    assert (held.production_touched, len(bench.platform.puts)) == (False, before)

    branch.current = FakeReleaseConfig(origin="the next commit")
    await again(bench, rid)
    assert bench.release(rid).phase not in (Phase.HELD, Phase.FAILED)
