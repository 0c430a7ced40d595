"""Environment versions that a merge brings: registered once, with all tags, before anything is trained with them."""

from pathlib import Path

import pytest

from shared.application.errors import PlatformErrored, PlatformRefused, PlatformThrottled
from shared.application.work.pause import TRIES_MAX
from shared.domain.changes.circuits import CircuitChangeKind
from shared.domain.changes.record import ChangeState
from shared.domain.changes.versions import REQUIRED_TAGS, tag_problems
from tests.support.benches.changes import ChangeBench
from tests.support.repositories import Project, circuit_path


@pytest.fixture
def changes(tmp_path: Path) -> ChangeBench:
    return ChangeBench(Project.with_fleet(tmp_path / "project"), tmp_path / "cache")


async def test_a_new_environment_is_registered_with_every_required_tag(changes: ChangeBench) -> None:
    """And the road to production is told: no new models are needed."""
    changes.project.environment("1.5.1", change_summary="Clearer log")
    head = changes.project.commit("Clearer log (#20)", author="Person 6 <person6@example.com>")

    record = await changes.settled(head)

    (registration,) = changes.environments.registrations
    assert set(REQUIRED_TAGS) <= registration.tags.keys()
    assert tag_problems(registration.tags, "1.5.1") == []
    told = {name: registration.tags[name] for name in ("git_commit_sha", "pr_number", "registered_by", "registered_at")}
    assert told == {
        "git_commit_sha": head,
        "pr_number": "PR-20",
        "registered_by": "person6@example.com",
        "registered_at": changes.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert registration.tags["tensorflow_version"] == "2.21.0"
    assert registration.files["Dockerfile"] == b"FROM scratch\n"
    assert record.environment is not None
    assert (record.environment.kind, record.environment.breaking) == ("patch", False)
    assert record.environment.asset_id == "azureml:custom-tf-env:1.5.1"
    assert "release it with release-environment" in record.notes[0]
    assert changes.trained() == []


async def test_a_breaking_environment_trains_the_circuits_that_moved_to_it(changes: ChangeBench) -> None:
    """It is registered first, so that they find it; the others are counted."""
    changes.project.environment(
        "2.0.0", backward_compatible="false", requires_retrain="true", breaking_changes="features", change_summary="f"
    )
    changes.project.edit(circuit_path("P001", "C002"), "1.5.0", "2.0.0")
    record = await changes.settled(changes.project.commit("Other features (#21)"))

    (run,) = changes.trained()
    assert (run.request.circuit_id, run.request.environment_version) == ("C002", "2.0.0")
    assert record.environment is not None
    assert (record.environment.moved, record.environment.waiting) == (1, 2)
    assert "config set-environment 2.0.0" in record.notes[0]


async def test_an_environment_comes_with_a_pull_request_or_not_at_all(changes: ChangeBench) -> None:
    changes.project.environment("1.5.1", change_summary="Clearer log")
    record = await changes.settled(changes.project.commit("Pushed"), "")
    assert record.state is ChangeState.REFUSED
    assert "through a pull request" in record.problems[0].fix
    assert changes.environments.registrations == []


async def test_a_version_that_is_there_with_other_content_is_a_mistake(changes: ChangeBench) -> None:
    """What a version holds never changes; nothing is trained with it."""
    changes.environments.add("custom-tf-env", "1.5.1", {"git_commit_sha": "abc1234"})
    changes.project.environment("1.5.1", change_summary="Clearer log")
    changes.project.edit(circuit_path(), "1.5.0", "1.5.1")
    record = await changes.settled(changes.project.commit("Clearer log (#20)"))
    assert record.state is ChangeState.REFUSED
    assert "registered already, with other content, from abc1234" in record.problems[0].reason
    assert changes.trained() == []


@pytest.mark.parametrize(
    "fault", [PlatformErrored("busy"), PlatformThrottled("patience", retry_after_s=100.0)], ids=["errored", "throttled"]
)
async def test_a_fault_of_the_platform_is_waited_out(changes: ChangeBench, fault: PlatformErrored) -> None:
    """The version is registered once, the circuits are trained once."""
    changes.environments.faults = [fault, fault]
    changes.project.environment("1.5.1", change_summary="Clearer log")
    changes.project.edit(circuit_path(), "1.5.0", "1.5.1")

    record = await changes.settled(changes.project.commit("Clearer log (#20)"))

    assert record.state is ChangeState.TAKEN
    assert len(changes.environments.registrations) == 1
    assert len(changes.trained()) == 1


async def test_a_definition_that_the_platform_refuses_fails_the_change(changes: ChangeBench) -> None:
    """With its words; nothing is trained."""
    changes.environments.faults = [PlatformRefused("the definition is not understood")]
    changes.project.environment("1.5.1", change_summary="Clearer log")
    record = await changes.settled(changes.project.commit("Clearer log (#20)"))
    assert (record.state, record.notes) == (ChangeState.FAILED, ("the definition is not understood",))


async def test_faults_without_end_fail_the_change_and_the_next_one_brings_it(changes: ChangeBench) -> None:
    changes.environments.faults = [PlatformErrored("busy")] * (TRIES_MAX + 1)
    changes.project.environment("1.5.1", change_summary="Clearer log")
    failed = await changes.settled(changes.project.commit("Clearer log (#20)"))
    assert failed.state is ChangeState.FAILED
    assert "given up after 16 more tries" in failed.notes[0]

    changes.project.cutoff("2025-12-20")
    taken = await changes.settled(changes.project.commit("More days (#21)"), "PR-21")

    assert taken.environment is not None
    assert changes.environments.registrations[0].tags["pr_number"] == "PR-20"
    assert [(run.request.circuit_id, run.request.pr_number) for run in changes.trained()] == [("C001", "PR-21")]


async def test_a_circuit_that_names_what_production_runs_already_is_not_trained(changes: ChangeBench) -> None:
    """A release brought the fleet there without new models, and the configuration only agrees again."""
    changes.environments.add("custom-tf-env", "1.5.1")
    changes.running.versions = {"P001-C001": "1.5.1", "P001-C002": "1.5.0"}
    for circuit in ("C001", "C002"):
        changes.project.edit(circuit_path("P001", circuit), "1.5.0", "1.5.1")
    record = await changes.settled(changes.project.commit("Name what production runs (#21)"))

    assert record.state is ChangeState.TAKEN
    assert [each.kind for each in record.circuits] == [CircuitChangeKind.RELEASED, CircuitChangeKind.TRAINING]
    assert [run.request.circuit_id for run in changes.trained()] == ["C002"]
    assert any("1 circuits name the environment that production runs already" in note for note in record.notes)


async def test_a_circuit_that_changes_more_than_its_environment_is_trained(changes: ChangeBench) -> None:
    """Also where production runs the environment: another cutoff date is another model."""
    changes.environments.add("custom-tf-env", "1.5.1")
    changes.running.versions = {"P001-C001": "1.5.1"}
    changes.project.edit(circuit_path(), "1.5.0", "1.5.1")
    changes.project.cutoff("2025-12-20")
    record = await changes.settled(changes.project.commit("More days in 1.5.1 (#22)"))
    assert [each.kind for each in record.circuits] == [CircuitChangeKind.TRAINING]
    assert len(changes.trained()) == 1
